import { type FleetRecord, newRecord } from '../database/records.ts';
import type { Session, SessionEnded } from '../launchers/launcher.ts';
import { requestedAtMs } from '../session-id.ts';

/** A session that its launcher should list by now is missed for so long before it counts as gone: ECS lists late. */
const MISSED_MS = 60_000;
/** The page of a session that has ended tells how for so long, though the launcher may never have had anything of it. */
const SHOWN_MS = 3_600_000;

/** A session that the launcher lists, and no table knows: of an earlier installation, or of a table that was lost. */
export function foundRecord(listed: Session, nowMs: number): FleetRecord {
  const requestedMs = requestedAtMs(listed.id) ?? nowMs;
  return newRecord(listed, { requestedMs, launchTriedMs: 0, confirmedMs: nowMs });
}

/** What a launcher's answer says of a session. */
export function withListed(record: FleetRecord, listed: Session, nowMs: number): FleetRecord {
  // The task of an earlier attempt is listed for an hour.
  if (listed.attempt < record.session.attempt) return record;
  const costPerHour = listed.costPerHour ?? record.session.costPerHour;
  const session = { ...listed, costPerHour };
  return { ...record, session, confirmedMs: record.confirmedMs ?? nowMs, goneMs: undefined };
}

/**
 * Whether it has its place still: one that somebody has started again does, and one that is launched again.
 * @param isAgain it is going to be launched again
 */
export function withPlace(record: FleetRecord, isAgain: boolean, nowMs: number): FleetRecord {
  const isOver = record.session.state.phase === 'ended' && !isAgain;
  return { ...record, overMs: isOver ? (record.overMs ?? nowMs) : undefined };
}

/**
 * What a launcher's answer says of a session that it does not hold.
 * @param missedMs since when it is missed
 */
export function withoutListed(record: FleetRecord, missedMs: number, nowMs: number): FleetRecord {
  const { confirmedMs, stop, overMs, launchTriedMs } = record;
  if (overMs !== undefined) return nowMs - overMs < SHOWN_MS ? record : { ...record, goneMs: nowMs };
  // It may have started nothing yet: it is launched again, or stopped when its time is over.
  if (confirmedMs === undefined && stop === undefined) return record;
  // What nobody has ever seen is not missed anew by each instance that begins to observe: the table knows since when.
  const sinceMs = confirmedMs === undefined ? (stop?.atMs ?? nowMs) : missedMs;
  if (nowMs - Math.max(sinceMs, launchTriedMs) < MISSED_MS) return record;
  const state = { ...VANISHED, stopped: record.stop?.why };
  return { ...record, session: { ...record.session, state }, overMs: nowMs };
}

const VANISHED: SessionEnded = {
  phase: 'ended',
  atMs: undefined,
  why: 'nothing of it is there any more',
  exitCode: undefined,
  stopped: undefined,
  lackedCapacity: false,
};
