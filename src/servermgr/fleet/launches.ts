import { within } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import { errorMessage } from '../../runtime/text.ts';
import type { FleetTable } from '../database/fleet-table.ts';
import type { FleetRecord } from '../database/records.ts';
import { identityFields } from '../launchers/identity.ts';
import {
  type Launcher,
  NoCapacityError,
  type Session,
  type SessionEnded,
  UncertainLaunchError,
} from '../launchers/launcher.ts';
import { nameOf } from '../session-id.ts';
import { foundRecord } from './merge.ts';
import { type Choices, launchedWith } from './order.ts';
import type { Registry } from './registry.ts';

export interface LaunchesOptions {
  readonly launcher: Launcher;
  readonly choices: Choices;
  readonly table: FleetTable;
  readonly registry: Registry;
  readonly log: Log;
}

/** Launches sessions that have their place in the table. */
export interface Launches {
  /**
   * The first try of a launch. One that takes long goes on by itself, and its page tells what becomes of it.
   * @returns the id of the session: a request of before may have started it under another one
   * @throws {NoCapacityError} when there is no capacity, and the launcher's error: the place is free again then
   */
  launch(record: FleetRecord): Promise<string>;
  /** One more try of a launch whose outcome is not known. */
  repeat(record: FleetRecord): Promise<void>;
  /** A launch elsewhere, of a session that lacked capacity. */
  relaunch(record: FleetRecord): Promise<void>;
}

/** A burst of launches is spread by the launcher: nobody's browser waits for its turn. */
const PATIENCE_MS = 10_000;
/** While a try goes on, no other instance begins one: they would, when nothing was heard of it for ten seconds. */
const KEEP_TRYING_MS = 3_000;

export function createLaunches({ launcher, choices, table, registry, log }: LaunchesOptions): Launches {
  /** @returns undefined when nobody knows whether it was started */
  async function start(record: FleetRecord): Promise<Session | undefined> {
    const { id, world, attempt } = record.session;
    const name = nameOf(id) ?? id;
    const trying = setInterval(() => void noted(table.keepTrying(record, Date.now())), KEEP_TRYING_MS);
    try {
      const request = {
        ...identityFields(record.session),
        ...launchedWith(world, record.ordered, choices),
        name,
      };
      const started = await launcher.launch(request);
      await confirm(record, started);
      log.info(
        { event: 'session_launched', session: name, where: started.where, world, attempt },
        'session launched',
      );
      return started;
    } catch (error) {
      const isUncertain = error instanceof UncertainLaunchError;
      log.warn(
        { event: isUncertain ? 'launch_uncertain' : 'launch_failed', err: error, session: name, attempt },
        isUncertain
          ? 'whether the session was launched is not known: the launch is repeated'
          : 'launch failed',
      );
      if (isUncertain) return undefined;
      throw error;
    } finally {
      clearInterval(trying);
    }
  }

  async function confirm(record: FleetRecord, started: Session): Promise<void> {
    if (started.id !== record.session.id) return adopt(record, started);
    const confirmed = { ...record, session: started, confirmedMs: Date.now() };
    registry.put({ ...confirmed, changedMs: 0 });
    await noted(table.confirm(confirmed));
  }

  /** The launcher holds that request's session under another id: the table that knew it was lost. */
  async function adopt(record: FleetRecord, started: Session): Promise<void> {
    const atMs = Date.now();
    await noted(table.giveUp(record, { atMs, who: 'manager', what: 'launch-failed', id: record.session.id }));
    await noted(table.add([foundRecord(started, atMs)], { atMs, who: 'manager', what: 'found' }));
    await registry.read();
  }

  /** What cannot be written down now is found by whoever observes, who asks the launcher. */
  async function noted(writing: Promise<void>): Promise<void> {
    await writing.catch((error: unknown) => {
      log.warn({ event: 'database_away', err: error }, 'how a launch went could not be written down');
    });
  }

  /** It has failed for good, after its visitor was told that it is on its way. */
  async function fail(record: FleetRecord, error: unknown): Promise<void> {
    await noted(table.fail({ ...failed(record, error), overMs: Date.now() }));
    await registry.read();
  }

  /** It has failed for good, as its visitor is about to be told. */
  async function giveUp(record: FleetRecord, error: unknown): Promise<void> {
    const { id } = record.session;
    const detail = error instanceof NoCapacityError ? 'no capacity' : errorMessage(error);
    const audit = { atMs: Date.now(), who: 'manager', what: 'launch-failed', id, detail } as const;
    await noted(table.giveUp(failed(record, error), audit));
    await registry.read();
  }

  async function again(record: FleetRecord): Promise<void> {
    try {
      await start(record);
    } catch (error) {
      await fail(record, error);
    }
  }

  return {
    async launch(record) {
      const { id } = record.session;
      const starting = start(record);
      const outcome = await within(
        PATIENCE_MS,
        starting.then(
          started => ({ id: started?.id ?? id }),
          (error: unknown) => ({ error }),
        ),
      );
      if (outcome === undefined) {
        starting.catch(error => fail(record, error));
        return id;
      }
      if ('id' in outcome) return outcome.id;
      await giveUp(record, outcome.error);
      throw outcome.error;
    },

    async repeat(record) {
      const nowMs = Date.now();
      if (await table.claimLaunch(record, nowMs)) await again({ ...record, launchTriedMs: nowMs });
    },

    async relaunch(record) {
      const [attempt, nowMs] = [record.session.attempt + 1, Date.now()];
      const state = { phase: 'requested' } as const;
      const next = {
        ...record,
        session: { ...record.session, attempt, state, where: '' },
        ...{ launchTriedMs: nowMs, confirmedMs: undefined },
      };
      if (!(await table.claimRelaunch(next))) return;
      registry.put(next);
      await again(next);
    },
  };
}

function failed(record: FleetRecord, error: unknown): FleetRecord {
  const state: SessionEnded = {
    phase: 'ended',
    ...{ atMs: Date.now(), why: errorMessage(error), exitCode: undefined },
    ...{ stopped: undefined, lackedCapacity: false },
  };
  return { ...record, session: { ...record.session, state } };
}
