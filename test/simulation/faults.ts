import type { Random } from '../support/random.ts';

/** What a store, and the way to it, do to whoever uses them: all at once. */
export const FAULTS = [
  'errors',
  'throttles',
  'delays',
  'lost answers',
  'corrupted bodies',
  'resets',
  'late listings',
  'partitions',
  'clock jumps',
] as const;

export type Fault = (typeof FAULTS)[number];

/** Of the requests that can meet them. Partitions and clock jumps come at times of their own. */
const RATES: Readonly<Record<Exclude<Fault, 'partitions' | 'clock jumps'>, number>> = {
  errors: 0.15,
  throttles: 0.2,
  delays: 0.1,
  'lost answers': 0.05,
  'corrupted bodies': 0.005,
  resets: 0.05,
  'late listings': 0.3,
};

export type FaultCounts = Record<Fault, number>;

export function noFaults(): FaultCounts {
  return {
    errors: 0,
    throttles: 0,
    delays: 0,
    'lost answers': 0,
    'corrupted bodies': 0,
    resets: 0,
    'late listings': 0,
    partitions: 0,
    'clock jumps': 0,
  };
}

/** Decides what befalls requests. */
export interface Mischief {
  readonly random: Random;
  readonly counts: FaultCounts;
  /** Whether this request meets it; counted. */
  meets(fault: keyof typeof RATES): boolean;
  /** From now on none does. */
  end(): void;
}

/** @param enabled those that there are in this run */
export function createMischief(random: Random, enabled: ReadonlySet<Fault>): Mischief {
  const counts = noFaults();
  let isOver = false;
  return {
    random,
    counts,
    meets(fault) {
      const does = random.chance(RATES[fault]) && enabled.has(fault) && !isOver;
      if (does) counts[fault] += 1;
      return does;
    },
    end() {
      isOver = true;
    },
  };
}
