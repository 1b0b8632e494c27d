import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { pino } from 'pino';
import { openFleetTable } from '../../../src/servermgr/database/fleet-table.ts';
import { createLease } from '../../../src/servermgr/database/lease.ts';
import { openDatabase } from '../../../src/servermgr/database/open.ts';
import { type FleetRecord, newRecord } from '../../../src/servermgr/database/records.ts';
import type { Observation } from '../../../src/servermgr/fleet/observation.ts';
import { createRegistry } from '../../../src/servermgr/fleet/registry.ts';
import { requestedSession, type Session } from '../../../src/servermgr/launchers/launcher.ts';
import { newId, requestedAtMs } from '../../../src/servermgr/session-id.ts';

export const SILENT = pino({ level: 'silent' });

/** A registry of one instance, which has read these records out of a database of this test's own. */
export async function createParts(records: readonly FleetRecord[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-'));
  const database = await openDatabase({ kind: 'sqlite', file: join(folder, 'fleet.sqlite') }, 'tests');
  const lease = createLease(database, 'this instance');
  await lease.renew();
  const table = openFleetTable(database);
  await table.add(records, { atMs: Date.now(), who: 'a test', what: 'found' });
  /** How many rows each read got. */
  const reads: number[] = [];
  let afterRead: (() => Promise<void>) | undefined;
  const registry = createRegistry(
    {
      ...table,
      async changedSince(ms) {
        const rows = await table.changedSince(ms);
        reads.push(rows.length);
        const happens = afterRead;
        afterRead = undefined;
        await happens?.();
        return rows;
      },
    },
    lease,
    {
      env: {},
      destination: { kind: 'directory', path: folder },
      ...{ joinTimeoutMs: 900_000, emptyTimeoutMs: 10_000, maxDurationMs: 86_400_000 },
      ...{ agentPlayers: 1, pathStyle: false, costPerHour: undefined },
    },
    SILENT,
  );
  await registry.read();
  return {
    ...{ database, lease, table, registry, reads },
    /** Something happens between the answer to the next read and its arrival. */
    duringRead(happens: () => Promise<void>) {
      afterRead = happens;
    },
    /** Until `back`, every question about sessions fails. */
    away: () => sql`alter table sessions rename to sessions_away`.execute(database.db),
    back: () => sql`alter table sessions_away rename to sessions`.execute(database.db),
    async [Symbol.asyncDispose]() {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** What is observed of a server that has told what it is, before anybody may join. */
export const SEEN: Observation = {
  ...{ fromStart: true, progress: 100, readyMs: undefined, answeredMs: undefined, silentMs: undefined },
  ...{
    version: 'Cuberite 1.12.2',
    people: 0,
    told: undefined,
    everJoined: false,
    everybodyLeftMs: undefined,
    peopleMs: 0,
    peopleSinceMs: undefined,
  },
};

/** A session that was launched just now. */
export function launchedRecord(changes: Partial<FleetRecord> = {}): FleetRecord {
  const session = newSession();
  return newRecord(session, { requestedMs: requestedAtMs(session.id) ?? 0, ...changes });
}

export function newSession(): Session {
  const id = newId(Date.now());
  const identity = { id, idempotencyKey: id, visitorHash: id, world: 'flat_world', attempt: 1 };
  return requestedSession(identity, id);
}
