import type { FleetRecord } from '../database/records.ts';
import { isAlive, type StopReason } from '../launchers/launcher.ts';

/** What the manager does with a session by itself. */
export type Action =
  | { readonly do: 'stop'; readonly record: FleetRecord; readonly why: StopReason }
  /** It lacked capacity before it was ready: it is launched again, elsewhere. */
  | { readonly do: 'relaunch'; readonly record: FleetRecord }
  /** Nobody knows whether its launch has got through: it is repeated. */
  | { readonly do: 'repeat-launch'; readonly record: FleetRecord }
  /** It was asked to end, and goes on: it is asked again. */
  | { readonly do: 'pursue-stop'; readonly record: FleetRecord; readonly why: StopReason }
  /** It has ended and is saved: what the launcher keeps of it is removed. */
  | { readonly do: 'remove'; readonly record: FleetRecord };

export interface RuleLimits {
  /** A launch that is not ready after so long is stopped. */
  readonly launchTimeoutMs: number;
  /** A session is stopped so long after its launch. */
  readonly maxAgeMs: number;
}

/** How often one session is launched in all. */
const MAX_ATTEMPTS = 3;
/** A launch whose outcome is not known is repeated so long after the last try: the first answer may be on its way. */
const REPEAT_LAUNCH_MS = 10_000;
/** ECS keeps stopped tasks for about as long. */
const REMOVE_AFTER_MS = 3_600_000;

/**
 * What is to be done with a session now; undefined: nothing.
 * @param isFresh the launcher has just told of it: what is stopped by an older answer may have ended
 */
export function ruleFor(
  record: FleetRecord,
  limits: RuleLimits,
  nowMs: number,
  isFresh: boolean,
): Action | undefined {
  if (!isAlive(record.session)) return ruleForEnded(record, limits, nowMs, isFresh);
  if (record.stop !== undefined) return { do: 'pursue-stop', record, why: record.stop.why };
  if (isFresh && isNeverReady(record, limits, nowMs)) return { do: 'stop', record, why: 'never-ready' };
  if (isFresh && nowMs - record.requestedMs >= limits.maxAgeMs) return { do: 'stop', record, why: 'too-old' };
  const isUncertain = record.confirmedMs === undefined && nowMs - record.launchTriedMs > REPEAT_LAUNCH_MS;
  return isUncertain ? { do: 'repeat-launch', record } : undefined;
}

function ruleForEnded(
  record: FleetRecord,
  limits: RuleLimits,
  nowMs: number,
  isFresh: boolean,
): Action | undefined {
  if (isFresh && isRelaunchable(record, limits, nowMs)) return { do: 'relaunch', record };
  return isRemovable(record, nowMs) ? { do: 'remove', record } : undefined;
}

/** What is left of a session whose archive is not safe stays, for an operator to look at. */
function isRemovable({ report, goneMs }: FleetRecord, nowMs: number): boolean {
  const isSafe = report?.saved === 'archive' || report?.saved === 'nothing-to-save';
  return goneMs === undefined && isSafe && nowMs - (report.endedMs ?? nowMs) > REMOVE_AFTER_MS;
}

/**
 * One that runs counts only if it has been observed from its start, and was never ready. One that was there before may
 * well be saving: it is left to the supervisor's own limits, and to its greatest age.
 */
function isNeverReady(
  { session, observation, requestedMs }: FleetRecord,
  { launchTimeoutMs }: RuleLimits,
  nowMs: number,
): boolean {
  if (nowMs - requestedMs < launchTimeoutMs) return false;
  const { phase } = session.state;
  if (phase === 'ending') return false;
  if (phase !== 'running') return true;
  return observation?.fromStart === true && observation.readyMs === undefined;
}

/** Whether it lacked capacity alone, and may find it elsewhere. */
export function isRelaunchable(
  { session: { state, attempt }, stop, requestedMs }: FleetRecord,
  { launchTimeoutMs }: Pick<RuleLimits, 'launchTimeoutMs'>,
  nowMs: number,
): boolean {
  return (
    nowMs - requestedMs < launchTimeoutMs &&
    state.phase === 'ended' &&
    state.lackedCapacity &&
    state.stopped === undefined &&
    stop === undefined &&
    attempt < MAX_ATTEMPTS
  );
}
