import { type Draw, newDraw } from '../soak/draw.ts';
import type { FaultRule } from '../support/s3-server.ts';

/** How one session is played and killed: the same seed gives the same plan. */
export interface Plan {
  /** Of what its agent does. */
  readonly agentSeed: number;
  readonly intervalMs: number;
  readonly kind: 's3' | 'folder';
  readonly faults: readonly FaultRule[];
  /** All connections to the store break so long after the agent's start. */
  readonly breaksAfterMs: number | undefined;
  /** From the agent's start to the SIGKILL. */
  readonly livesMs: number;
  /** Recoveries that are killed as well, so long after their start. */
  readonly recoveriesKilledAfterMs: readonly number[];
  readonly recoveryFaults: readonly FaultRule[];
}

export function drawPlan(seed: number, index: number): Plan {
  const draw = newDraw(seed, index);
  const kind = draw.chance(0.8) ? 's3' : 'folder';
  return {
    agentSeed: draw.between(1, 1_000_000),
    intervalMs: draw.pick([200, 1_000, 2_000]),
    kind,
    faults: kind === 's3' ? drawFaults(draw) : [],
    breaksAfterMs: kind === 's3' && draw.chance(0.25) ? draw.between(0, 4_000) : undefined,
    livesMs: draw.between(200, 7_000),
    recoveriesKilledAfterMs: draw.chance(0.3) ? [draw.between(200, 2_000)] : [],
    recoveryFaults: kind === 's3' && draw.chance(0.4) ? [sometimes(draw, '503', 0.1)] : [],
  };
}

/** What befalls the journal's segments: nothing, one kind of fault, or several. */
function drawFaults(draw: Draw): readonly FaultRule[] {
  const kinds = [
    () => sometimes(draw, '503', draw.between(5, 40) / 100),
    () => sometimes(draw, 'SlowDown', draw.between(5, 40) / 100),
    () => sometimes(draw, 'reset', draw.between(5, 40) / 100),
    () => sometimes(draw, '500-after-commit', draw.between(5, 30) / 100),
    () => sometimes(draw, 'reset-after-commit', draw.between(5, 30) / 100),
    () => ({ ...sometimes(draw, 'delay', draw.between(20, 100) / 100), delayMs: draw.between(50, 1_500) }),
    () => ({ ...sometimes(draw, 'slow', 1), bytesPerSecond: draw.between(32, 512) * 1_024 }),
  ] as const;
  return Array.from({ length: draw.between(0, 3) }, () => draw.pick(kinds)());
}

function sometimes(draw: Draw, fault: FaultRule['do'], probability: number): FaultRule {
  return {
    match: { operation: ['PutObject', 'GetObject'], probability, seed: draw.between(1, 1_000_000) },
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
