/** How long each time of the simulation is. */
export interface Plan {
  readonly tasks: number;
  /** Nothing changes. */
  readonly quietMs: number;
  /** Sessions end, are launched and stopped, one so long after the other. */
  readonly changesMs: number;
  readonly changeEveryMs: number;
  /** ECS throttles everybody, and after that all has so long at most to be as it was. */
  readonly throttledMs: number;
  readonly recoveryMs: number;
}

const THROTTLED_MS = 20_000;
/** The rate is a small part then, and the SDK's pauses are long. */
const RECOVERY_MS = 40_000;
/** The least that has two looks in it. */
const LEAST_QUIET_MS = 22_000;
/** So many changes there are in any case. */
const CHANGES = 24;

/** @param forMs how long all is to take, from when all has settled */
export function planFor(forMs: number, tasks: number): Plan {
  const leftMs = Math.max(0, forMs - THROTTLED_MS - RECOVERY_MS / 2);
  const quietMs = Math.max(LEAST_QUIET_MS, leftMs * 0.4);
  const changesMs = Math.max(12_000, leftMs - quietMs);
  return {
    ...{ tasks, quietMs, changesMs, changeEveryMs: changesMs / CHANGES },
    ...{ throttledMs: THROTTLED_MS, recoveryMs: RECOVERY_MS },
  };
}
