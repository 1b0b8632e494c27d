import { isAlive, type Session, type StopReason } from '../launchers/launcher.ts';
import { askedAtMs } from '../session-id.ts';
import type { Memory } from './observation.ts';

/** What the manager does with a session by itself. */
export type Action =
  | { readonly do: 'stop'; readonly session: Session; readonly why: StopReason }
  /** It died for lack of capacity before it was ready: another try, elsewhere. */
  | { readonly do: 'relaunch'; readonly session: Session };

export interface RuleLimits {
  readonly fleet: number;
  readonly launchTimeoutMs: number;
}

/** A launch is tried so often, each time elsewhere. */
const MOST_ATTEMPTS = 3;

/**
 * Two instances may give out the same last place at the same moment. Within so long afterwards both see it, and both
 * take the same ones back: the later ones.
 */
const SETTLING_MS = 60_000;

export function rulesFor(
  sessions: readonly Session[],
  memories: ReadonlyMap<string, Memory>,
  limits: RuleLimits,
  nowMs: number,
): readonly Action[] {
  const alive = sessions.filter(isAlive).filter(({ state }) => state.phase !== 'ending');
  const late = alive.filter(session => isNeverReady(session, memories.get(session.id), limits, nowMs));
  const surplus = surplusOf(alive, limits.fleet).filter(
    session => ageMs(session, nowMs) < SETTLING_MS && memories.get(session.id)?.everJoined !== true,
  );
  const unlucky = sessions.filter(
    session => isUnlucky(session) && ageMs(session, nowMs) < limits.launchTimeoutMs,
  );
  return [
    ...surplus.map(session => ({ do: 'stop', session, why: 'too-many' }) as const),
    ...late
      .filter(session => !surplus.includes(session))
      .map(session => ({ do: 'stop', session, why: 'never-ready' }) as const),
    ...unlucky.map(session => ({ do: 'relaunch', session }) as const),
  ];
}

/**
 * A session that this instance has followed from its start and never heard is of no use to anybody. One that was
 * there before is left to the supervisor's own limits: it may well be saving.
 */
function isNeverReady(
  session: Session,
  memory: Memory | undefined,
  { launchTimeoutMs }: RuleLimits,
  nowMs: number,
): boolean {
  if (ageMs(session, nowMs) < launchTimeoutMs) return false;
  const running = session.state.phase === 'running';
  return !running || (memory?.fromTheStart === true && memory.readyMs === undefined);
}

/** Those whom the fleet, or their own visitor's one place, does not hold: the later ones, whoever counts. */
function surplusOf(alive: readonly Session[], fleet: number): Session[] {
  const visitors = new Set<string>();
  const inOrder = [...alive].sort((a, b) => orderOf(a).localeCompare(orderOf(b)));
  let kept = 0;
  return inOrder.filter(session => {
    if (kept < fleet && !visitors.has(session.visitor)) {
      visitors.add(session.visitor);
      kept += 1;
      return false;
    }
    return true;
  });
}

function orderOf({ id }: Session): string {
  return `${String(askedAtMs(id) ?? 0).padStart(16, '0')} ${id}`;
}

function isUnlucky({ state, attempt }: Session): boolean {
  return (
    state.phase === 'ended' && state.lackedCapacity && state.stopped === undefined && attempt < MOST_ATTEMPTS
  );
}

function ageMs({ id }: Session, nowMs: number): number {
  return nowMs - (askedAtMs(id) ?? 0);
}
