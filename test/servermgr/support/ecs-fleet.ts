import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Agent, EcsSettings, World } from '../../../src/config/servermgr-config.ts';
import { openDatabase } from '../../../src/servermgr/database/open.ts';
import { type Fleet, openFleet } from '../../../src/servermgr/fleet/fleet.ts';
import type { SessionView } from '../../../src/servermgr/fleet/view.ts';
import { createAddressLookup } from '../../../src/servermgr/launchers/ecs/addresses.ts';
import { openEcs } from '../../../src/servermgr/launchers/ecs/ecs.ts';
import { createCounters } from '../../../src/servermgr/metrics/counters.ts';
import { openSavedSessions } from '../../../src/servermgr/saved-sessions.ts';
import { randomToken } from '../../../src/servermgr/session-id.ts';
import { openDirectoryStore } from '../../../src/store/directory.ts';
import { eventually } from '../../support/eventually.ts';
import { type AwsPlan, type AwsServer, ecsSettings, startAwsServer } from './aws-server.ts';

interface FleetChanges {
  /** What every session gets, and what there is to choose from. */
  readonly env?: Readonly<Record<string, string>>;
  readonly worlds?: readonly World[];
  readonly agents?: readonly Agent[];
  readonly launchTimeoutMs?: number;
  readonly gamePort?: number;
  /** Where the dashboards are; there are none unless it is given. */
  readonly dashboardPort?: number;
}

/** A launcher on that ECS. @param name the manager's @param images other task definitions of its sessions */
export function launcherOf(
  aws: AwsServer,
  changes: Partial<EcsSettings> = {},
  name = 'tests',
  images: readonly string[] = [],
) {
  const { ecs, ec2 } = aws.clients();
  const findAddresses = createAddressLookup(ec2);
  return openEcs({ ...ecsSettings(), ...changes }, { ecs, name, images, findAddresses });
}

/** A fleet whose tasks fare by that plan, with a game that answers unless another port is given. */
export async function openFleetOn(plan: AwsPlan, options: FleetChanges = {}) {
  const { launchTimeoutMs = 60_000, gamePort, dashboardPort, env = {}, agents = [] } = options;
  const { worlds = [{ id: 'flat_world', title: 'Flat', text: '', env: {} }] } = options;
  const aws = await startAwsServer(plan);
  const lines: string[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'fleet-'));
  const images = agents.flatMap(({ image }) => image ?? []);
  const settings = { gamePort: gamePort ?? (await aws.tasks.playGame()), dashboardPort };
  const launcher = launcherOf(aws, settings, 'tests', images);
  const database = await openDatabase({ kind: 'sqlite', file: join(folder, 'fleet.sqlite') }, 'tests');
  const fleet = await openFleet({
    database,
    secret: 'of tests',
    launcher: { ...launcher, pollIntervalMs: () => 100 },
    savedSessions: openSavedSessions(openDirectoryStore(folder), pino({ level: 'silent' })),
    limits: {
      ...{ fleet: 5, launchTimeoutMs, maxAgeMs: 86_400_000, budgetPerDay: undefined },
      ...{ sessionsPerNetwork: 5, launchesPerDay: 100, presses: 100, streams: 10, streamsPerAddress: 10 },
    },
    worlds,
    agents,
    session: {
      env,
      destination: { kind: 'directory', path: folder },
      ...{ joinTimeoutMs: 900_000, emptyTimeoutMs: 10_000, maxDurationMs: 86_400_000 },
      ...{ agentPlayers: 1, pathStyle: false, costPerHour: undefined },
    },
    counts: createCounters(),
    log: pino({}, { write: line => void lines.push(line) }),
  });
  return {
    ...{ aws, fleet, database },
    log: () => lines.join(''),
    async [Symbol.asyncDispose]() {
      await fleet.close();
      await database.close();
      await aws[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** @returns the id of a session that was just launched */
export async function launched(fleet: Fleet): Promise<string> {
  const form = { visitor: randomToken(), token: randomToken(), world: 'flat_world', network: '192.0.2.1' };
  const answer = await fleet.launch(form);
  if (answer.kind !== 'launched') throw new Error(`not launched: ${JSON.stringify(answer)}`);
  return answer.id;
}

/** Waits for what a session is to become. */
export function becomes(fleet: Fleet, id: string, is: (view: SessionView) => boolean): Promise<SessionView> {
  return eventually(async () => {
    const view = (await fleet.snapshot()).views.find(one => one.id === id);
    if (view === undefined || !is(view)) throw new Error(`it is ${JSON.stringify(view)}`);
    return view;
  });
}
