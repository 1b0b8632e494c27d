import type { SavedReport } from '../../report/saved-report.ts';
import type { Session } from '../launchers/launcher.ts';
import type { Observation } from './observation.ts';

/** What tells for how long there was somebody: a record of the fleet, for one. */
export interface PresenceFacts {
  readonly session: Pick<Session, 'state'>;
  readonly observation: Observation | undefined;
  readonly report: SavedReport | undefined;
}

/**
 * For how long at least one person was there, in the game or at the dashboard, in milliseconds: of a session that runs,
 * up to now. Of one that does not answer any more it is up to when it did not; of one that has ended it is what its own
 * report says, and without one up to the earliest moment by which it is known to have ended.
 */
export function presenceMs({ session, observation, report }: PresenceFacts, nowMs: number): number {
  const { state } = session;
  const final = state.phase === 'ended' ? report : undefined;
  if (final?.presentMs !== undefined && isOfWhole(final, observation)) return final.presentMs;
  if (observation === undefined) return 0;
  const { peopleMs, peopleSinceMs, silentMs } = observation;
  if (peopleSinceMs === undefined) return peopleMs;
  const endedMs = state.phase === 'ended' ? state.atMs : undefined;
  const ends = [silentMs, endedMs, final?.endedMs].filter(end => end !== undefined);
  return peopleMs + Math.max(0, Math.min(nowMs, ...ends) - peopleSinceMs);
}

/** The report of a session that somebody has started again is of its last run alone. */
function isOfWhole({ startedMs }: SavedReport, observation: Observation | undefined): boolean {
  const answeredMs = observation?.answeredMs;
  return answeredMs === undefined || (startedMs !== undefined && startedMs <= answeredMs);
}
