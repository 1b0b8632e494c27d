import { createRandom, type Random } from '../support/random.ts';
import type { FaultRule } from '../support/s3-server.ts';

/** How one session is run and killed: the same seed gives the same plan. */
export interface Plan {
  /** Decides what its agent writes. */
  readonly agentSeed: number;
  readonly intervalMs: number;
  readonly kind: 's3' | 'folder';
  readonly faults: readonly FaultRule[];
  /** All connections to the store break that long after the agent's start. */
  readonly breaksAfterMs: number | undefined;
  /** From the agent's start to the SIGKILL. */
  readonly livesMs: number;
  /** Recoveries that are killed as well, that long after their start. */
  readonly recoveriesKilledAfterMs: readonly number[];
  readonly recoveryFaults: readonly FaultRule[];
}

export function randomPlan(seed: number, index: number): Plan {
  const random = createRandom(seed * 1_000_003 + index);
  const kind = random.chance(0.8) ? 's3' : 'folder';
  return {
    agentSeed: random.between(1, 1_000_000),
    intervalMs: random.pick([200, 1_000, 2_000]),
    kind,
    faults: kind === 's3' ? randomFaults(random) : [],
    breaksAfterMs: kind === 's3' && random.chance(0.25) ? random.between(0, 4_000) : undefined,
    livesMs: random.between(200, 7_000),
    recoveriesKilledAfterMs: random.chance(0.3) ? [random.between(200, 2_000)] : [],
    recoveryFaults: kind === 's3' && random.chance(0.4) ? [sometimes(random, '503', 0.1)] : [],
  };
}

/** Faults of the store while the journal is written: none, one kind, or several. */
function randomFaults(random: Random): readonly FaultRule[] {
  const kinds = [
    () => sometimes(random, '503', random.between(5, 40) / 100),
    () => sometimes(random, 'SlowDown', random.between(5, 40) / 100),
    () => sometimes(random, 'reset', random.between(5, 40) / 100),
    () => sometimes(random, '500-after-commit', random.between(5, 30) / 100),
    () => sometimes(random, 'reset-after-commit', random.between(5, 30) / 100),
    () => ({
      ...sometimes(random, 'delay', random.between(20, 100) / 100),
      delayMs: random.between(50, 1_500),
    }),
    () => ({ ...sometimes(random, 'slow', 1), bytesPerSecond: random.between(32, 512) * 1_024 }),
  ] as const;
  return Array.from({ length: random.between(0, 3) }, () => random.pick(kinds)());
}

function sometimes(random: Random, fault: FaultRule['do'], probability: number): FaultRule {
  return {
    match: { operation: ['PutObject', 'GetObject'], probability, seed: random.between(1, 1_000_000) },
    do: fault,
  };
}

export function describePlan({ kind, intervalMs, livesMs, faults, ...plan }: Plan): string {
  const troubles = faults.map(({ do: fault, match, delayMs, bytesPerSecond }) =>
    [fault, match?.probability, delayMs ?? bytesPerSecond].filter(word => word !== undefined).join(' '),
  );
  const breaks = plan.breaksAfterMs === undefined ? [] : [`connections break after ${plan.breaksAfterMs} ms`];
  const recoveries = plan.recoveriesKilledAfterMs.map(ms => `a recovery killed after ${ms} ms`);
  const all = [`every ${intervalMs} ms to ${kind}`, `killed after ${livesMs} ms`];
  return [...all, ...troubles, ...breaks, ...recoveries].join(', ');
}
