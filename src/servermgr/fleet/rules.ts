import { isAlive, type Session, type StopReason } from '../launchers/launcher.ts';
import type { SavedReport } from '../saved/report.ts';
import { requestedAtMs } from '../session-id.ts';
import type { Observation } from './observation.ts';

/** What the manager does with a session by itself. */
export type Action =
  | { readonly do: 'stop'; readonly session: Session; readonly why: StopReason }
  /** It lacked capacity before it was ready: it is launched again, elsewhere. */
  | { readonly do: 'relaunch'; readonly session: Session }
  /** It has ended and is saved: what the launcher keeps of it is removed. */
  | { readonly do: 'remove'; readonly session: Session };

export interface RuleLimits {
  /** How many sessions may be alive at once. */
  readonly fleet: number;
  /** A launch that is not ready after so long is stopped. */
  readonly launchTimeoutMs: number;
}

/** How often one session is launched in all. */
const MAX_ATTEMPTS = 3;

/**
 * Two instances may exceed the limit together when they launch at the same moment. A session over the limit is stopped
 * for so long after its launch: by then every instance lists both, and all choose the same one.
 */
const OVER_LIMIT_MS = 60_000;

/** ECS keeps stopped tasks for about as long. */
const REMOVE_AFTER_MS = 3_600_000;

export function rulesFor(
  sessions: readonly Session[],
  observations: ReadonlyMap<string, Observation>,
  limits: RuleLimits,
  nowMs: number,
): readonly Action[] {
  const alive = sessions.filter(isAlive).filter(({ state }) => state.phase !== 'ending');
  const neverReady = alive.filter(session =>
    isNeverReady(session, observations.get(session.id), limits, nowMs),
  );
  const overLimit = sessionsOverLimit(alive, limits.fleet).filter(
    session => ageMs(session, nowMs) < OVER_LIMIT_MS && observations.get(session.id)?.everJoined !== true,
  );
  const toRelaunch = sessions.filter(
    session => lackedCapacity(session) && ageMs(session, nowMs) < limits.launchTimeoutMs,
  );
  return [
    ...overLimit.map(session => ({ do: 'stop', session, why: 'too-many' }) as const),
    ...neverReady
      .filter(session => !overLimit.includes(session))
      .map(session => ({ do: 'stop', session, why: 'never-ready' }) as const),
    ...toRelaunch.map(session => ({ do: 'relaunch', session }) as const),
  ];
}

/** What is left of a session whose archive is not safe stays, for an operator to look at. */
export function removalsFor(
  sessions: readonly Session[],
  reportOf: (id: string) => SavedReport | undefined,
  nowMs: number,
): readonly Action[] {
  const removable = sessions.filter(session => {
    const report = reportOf(session.id);
    const isSafe = report?.saved === 'archive' || report?.saved === 'nothing-to-save';
    return !isAlive(session) && isSafe && nowMs - (report.endedMs ?? nowMs) > REMOVE_AFTER_MS;
  });
  return removable.map(session => ({ do: 'remove', session }));
}

/**
 * One that runs counts only if this instance has observed it from its start, and it was never ready. One that was
 * there before may well be saving: it is left to the supervisor's own limits.
 */
function isNeverReady(
  session: Session,
  observation: Observation | undefined,
  { launchTimeoutMs }: RuleLimits,
  nowMs: number,
): boolean {
  if (ageMs(session, nowMs) < launchTimeoutMs) return false;
  if (session.state.phase !== 'running') return true;
  return observation?.fromStart === true && observation.readyMs === undefined;
}

/** The sessions beyond the fleet's limit, or beyond one a visitor: the later ones, so that every instance agrees. */
function sessionsOverLimit(alive: readonly Session[], fleetLimit: number): Session[] {
  const visitors = new Set<string>();
  const inOrder = [...alive].sort((a, b) => sortKey(a).localeCompare(sortKey(b)));
  return inOrder.filter(({ visitorHash }) => {
    const isOver = visitors.size >= fleetLimit || visitors.has(visitorHash);
    if (!isOver) visitors.add(visitorHash);
    return isOver;
  });
}

function sortKey({ id }: Session): string {
  return `${String(requestedAtMs(id) ?? 0).padStart(16, '0')} ${id}`;
}

function lackedCapacity({ state, attempt }: Session): boolean {
  return (
    state.phase === 'ended' && state.lackedCapacity && state.stopped === undefined && attempt < MAX_ATTEMPTS
  );
}

function ageMs({ id }: Session, nowMs: number): number {
  return nowMs - (requestedAtMs(id) ?? 0);
}
