import type { SavedReport } from '../../report/saved-report.ts';
import type { RecoveryStatus } from '../launchers/launcher.ts';
import type { JournalStanding } from './recovery.ts';

/** All that is known of the recovery of one session. */
export interface RecoveryFacts {
  /** When somebody has asked for it last; undefined: nobody has, here. */
  readonly requestedMs: number | undefined;
  /** undefined: there is no journal. */
  readonly standing: JournalStanding | undefined;
  /** undefined: the launcher knows nothing. */
  readonly status: RecoveryStatus | undefined;
  readonly report: SavedReport | undefined;
  readonly nowMs: number;
}

export interface RecoveryProgress {
  /** How many of `RECOVERY_STEPS` are done. */
  readonly done: number;
  /** It goes on, as far as can be told: it is not to be started again. */
  readonly isAtWork: boolean;
  /** What is known besides the steps, each a sentence. */
  readonly details: readonly string[];
  /** Why it has not come to its end, each a sentence. */
  readonly faults: readonly string[];
}

/** Each is seen by what the recovery writes, whatever runs it. */
export const RECOVERY_STEPS = [
  'It is requested',
  'It has taken the journal, and reads it',
  'It packs the archive, and uploads it',
  'The archive is stored and checked; the journal is deleted',
] as const;

/** A machine for it may have to be found first. */
const BEGINS_WITHIN_MS = 300_000;

/** How far the recovery of a session is; undefined: none is at work or was asked for, or it has come to its end. */
export function recoveryProgress(facts: RecoveryFacts): RecoveryProgress | undefined {
  const { requestedMs, standing, status, nowMs } = facts;
  const taken = standing?.taken;
  const isOthers = taken?.state === 'working' || taken?.state === 'silent';
  if (requestedMs === undefined && !isOthers) return undefined;
  if (isDone(facts)) return undefined;
  const isWaiting = taken === undefined && status === undefined;
  const isYoung = nowMs - (requestedMs ?? 0) < BEGINS_WITHIN_MS;
  const isAtWork =
    taken?.state === 'working' ||
    status?.isRunning === true ||
    (isWaiting && isYoung && standing !== undefined);
  return {
    done: stepsDone(standing),
    isAtWork,
    details: detailsOf(standing, status),
    faults: isAtWork ? [] : faultsOf(facts),
  };
}

/** Its archive is there, and it is not one of before. */
function isDone({ requestedMs = 0, report, standing }: RecoveryFacts): boolean {
  if (report?.archive === undefined) return false;
  // One that kept a damaged journal is over as well.
  if (standing?.taken?.state === 'working') return false;
  return report.recoveredMs === undefined || report.recoveredMs >= requestedMs || standing === undefined;
}

function stepsDone(standing: JournalStanding | undefined): number {
  if (standing?.plan?.isStored) return 4;
  if (standing?.plan !== undefined) return 3;
  return standing?.taken === undefined ? 1 : 2;
}

function detailsOf(
  standing: JournalStanding | undefined,
  status: RecoveryStatus | undefined,
): readonly string[] {
  const details: string[] = [];
  const { taken, plan, segments = 0 } = standing ?? {};
  if (taken !== undefined)
    details.push(`${taken.host} has the journal since ${new Date(taken.sinceMs).toISOString()}.`);
  if (segments > 0) details.push(`The journal has ${segments} segments.`);
  if (status?.uploaded !== undefined && status.uploaded.of > 0)
    details.push(`${Math.floor((status.uploaded.bytes / status.uploaded.of) * 100)} % are uploaded.`);
  if (plan !== undefined) details.push(`The archive is ${plan.archiveKey}.`);
  return details;
}

function faultsOf({ standing, status }: RecoveryFacts): readonly string[] {
  const faults: string[] = [];
  const state = standing?.taken?.state;
  if (standing === undefined)
    faults.push('There is no journal at the destination: nothing can be recovered.');
  else if (state === 'silent') faults.push('It has said nothing for minutes: it was killed. Start it again.');
  else if (state === 'released') faults.push('It has given up, and the journal is kept.');
  else if (status !== undefined) faults.push('It has ended, and has made no archive.');
  else faults.push('Nothing of it is to be seen: look at what the launcher says, and start it again.');
  if (standing?.isWritten) faults.push('The journal says that its session still runs.');
  if (status?.words !== undefined) faults.push(`Its last words: ${status.words}`);
  return [...faults, ...(standing?.plan?.problems ?? [])];
}
