import { pino } from 'pino';
import type { FleetTable } from '../../../src/servermgr/database/fleet-table.ts';
import type { Lease } from '../../../src/servermgr/database/lease.ts';
import { type FleetRecord, newRecord, rowOf } from '../../../src/servermgr/database/records.ts';
import type { SessionRow } from '../../../src/servermgr/database/schema.ts';
import { createRegistry } from '../../../src/servermgr/fleet/registry.ts';
import { requestedSession, type Session } from '../../../src/servermgr/launchers/launcher.ts';
import { newId } from '../../../src/servermgr/session-id.ts';

export const SILENT = pino({ level: 'silent' });

/** A registry of one instance, over a table in memory that can go away. */
export function createParts(records: readonly FleetRecord[] = []) {
  const state = { isAway: false, isHeld: true, stops: [] as string[], waits: Promise.resolve() };
  // Each column has a value.
  const rows = records.map(record => rowOf(record) as SessionRow);
  const asked = async <T>(answer: T): Promise<T> => {
    if (state.isAway) throw new Error('the database is away');
    return answer;
  };
  const lease: Lease = {
    isHeld: () => state.isHeld,
    renew: () => asked(state.isHeld),
    check: () => asked(state.isHeld),
    report: () => asked(undefined),
    status: () => asked({ listedMs: 1, fault: undefined, leftMs: 5_000, nowMs: Date.now() }),
    release: () => asked(undefined),
  };
  const table: FleetTable = {
    async changedSince(ms) {
      const { waits } = state;
      await waits;
      return asked(rows.filter(({ changed_ms: changedMs }) => ms === undefined || changedMs > ms));
    },
    add: () => asked(undefined),
    saveObserved: () => asked(state.isHeld),
    async requestStop(id) {
      await asked(undefined);
      state.stops.push(id);
    },
    confirm: () => asked(undefined),
    claimLaunch: () => asked(true),
    keepTrying: () => asked(undefined),
    claimRelaunch: () => asked(true),
    fail: () => asked(undefined),
    giveUp: () => asked(undefined),
    find: () => asked(undefined),
  };
  const settings = {
    env: {},
    destination: { kind: 'directory', path: '/tmp' } as const,
    ...{ joinTimeoutMs: 900_000, emptyTimeoutMs: 10_000, maxDurationMs: 86_400_000 },
    ...{ agentPlayers: 1, pathStyle: false, costPerHour: undefined },
  };
  return { state, lease, table, registry: createRegistry(table, lease, settings, SILENT) };
}

/** A session that was launched just now. */
export function launchedRecord(changes: Partial<FleetRecord> = {}): FleetRecord {
  return newRecord(newSession(), { requestedMs: Date.now(), ...changes });
}

export function newSession(): Session {
  const id = newId(Date.now());
  const identity = { id, idempotencyKey: id, visitorHash: id, world: 'flat_world', attempt: 1 };
  return requestedSession(identity, id);
}
