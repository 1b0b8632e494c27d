import type { SavedReport } from '../../../src/report/saved-report.ts';
import type { Database } from '../../../src/servermgr/database/database.ts';
import { openFleetTable } from '../../../src/servermgr/database/fleet-table.ts';
import { type FleetRecord, newRecord } from '../../../src/servermgr/database/records.ts';
import {
  requestedSession,
  type SessionState,
  type StopReason,
} from '../../../src/servermgr/launchers/launcher.ts';
import { nameOf, newId } from '../../../src/servermgr/session-id.ts';

const REPORT: SavedReport = {
  ...{ text: 'everybody had left', by: 'everybody-left', saved: 'archive', exitCode: 0 },
  ...{ startedMs: undefined, endedMs: undefined, peak: 2, bot: undefined, supervisor: undefined },
  ...{ incomplete: [], archive: undefined, presentMs: undefined, players: undefined },
};

export interface Past {
  readonly requestedMs: number;
  readonly world?: string;
  readonly report?: Partial<SavedReport>;
  readonly stopped?: StopReason;
  /** It runs. */
  readonly isAlive?: boolean;
}

/** A session of the past, which lists do not show any more. */
export function pastRecord({
  requestedMs,
  world = 'flat_world',
  report,
  stopped,
  isAlive,
}: Past): FleetRecord {
  const id = newId(requestedMs);
  const identity = { id, idempotencyKey: id, visitorHash: id, world, attempt: 1 };
  const endedMs = requestedMs + 60_000;
  const archive = { key: `${nameOf(id)}/logs.tar.gz`, bytes: 1_234 };
  const ended: SessionState = {
    ...{ phase: 'ended', atMs: endedMs, why: undefined, exitCode: 0, stopped, lackedCapacity: false },
  };
  const session = requestedSession(identity, 'process 1');
  const known = { requestedMs, confirmedMs: requestedMs + 1_000, networkHash: 'a-network' };
  if (isAlive) return newRecord(session, known);
  return newRecord(
    { ...session, state: ended },
    {
      ...known,
      ...{ overMs: endedMs, goneMs: endedMs },
      report: { ...REPORT, startedMs: requestedMs, endedMs, archive, ...report },
    },
  );
}

export async function addPast(database: Database, records: readonly FleetRecord[]): Promise<void> {
  await openFleetTable(database).add(records, { atMs: 0, who: 'a test', what: 'found' });
}

export function namesOf(records: readonly FleetRecord[]): string[] {
  return records.map(({ session }) => nameOf(session.id) ?? '');
}
