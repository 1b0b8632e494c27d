import type { Admission } from '../database/admission.ts';
import type { StopReason } from '../launchers/launcher.ts';
import type { SessionView } from './view.ts';

/** What is counted of the fleet's work, as far as this instance does it. */
export interface FleetCounts {
  /** A request for a session was answered. */
  launch(result: LaunchOutcome): void;
  /** Somebody may join a session, so long after it was requested. */
  ready(ms: number): void;
  ended(reason: EndReason): void;
  /** Something of the sessions' table could not be read, or written. */
  databaseFault(kind: 'read' | 'write'): void;
}

export type LaunchOutcome =
  | Exclude<Admission['kind'], 'admitted' | 'known'>
  | 'launched'
  | 'unknown-world'
  | 'unknown-agent'
  | 'no-capacity'
  | 'paused'
  /** The launcher's error. */
  | 'error';

/** `failed`: nobody could ever have joined; `itself`: it has ended by itself. */
export type EndReason = StopReason | 'failed' | 'itself';

/** Why a session is over. */
export function endReasonOf({ phase, ended }: Pick<SessionView, 'phase' | 'ended'>): EndReason {
  return ended?.stopped ?? (phase === 'failed' ? 'failed' : 'itself');
}
