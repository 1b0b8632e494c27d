import type { SavedReport } from '../../report/saved-report.ts';
import { describeStop, type SessionState, STOP_REASONS } from '../launchers/launcher.ts';

/** What is known of how a session has ended. */
export interface EndFacts {
  readonly state: SessionState;
  readonly report: SavedReport | undefined;
  /** The launcher has said that it was started. */
  readonly wasConfirmed: boolean;
}

/** How sessions end, by fixed words, each with a text for people; a supervisor of another version may know others. */
export const END_REASONS: Readonly<Record<string, string>> = {
  'everybody-left': 'everybody had left',
  'nobody-joined': 'nobody joined in time',
  ...Object.fromEntries(STOP_REASONS.map(why => [why, describeStop(why)])),
  'max-duration': 'its longest duration was reached',
  signal: 'a signal ended it',
  'agent-exited': 'the agent exited',
  'server-exited': 'the server exited',
  'server-hung': 'the server hung',
  'server-ended-by-plugin': 'a plug-in ended the server',
  'server-never-ready': 'the server never answered',
  'server-exited-early': 'the server exited before it was ready',
  'server-not-startable': 'the server could not be started',
  'setup-failed': 'its setup failed',
  'destination-refused': 'its destination took nothing',
  bug: 'a bug of the supervisor',
  'cut-off': 'it was cut off, and has been recovered',
  'not-launched': 'it could not be launched',
  unknown: 'it left no report',
};

/** Why a session has ended, as a fixed word; undefined: it has not. */
export function endReasonOf({ state, report, wasConfirmed }: EndFacts): string | undefined {
  if (state.phase !== 'ended') return undefined;
  if (state.stopped !== undefined) return state.stopped;
  if (report !== undefined) return report.by ?? (report.recoveredMs === undefined ? 'unknown' : 'cut-off');
  return wasConfirmed ? 'unknown' : 'not-launched';
}
