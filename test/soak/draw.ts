import { seeded } from '../support/seeded.ts';

/** Draws from a seed: the same seed gives the same draws. */
export interface Draw {
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(choices: readonly [T, ...T[]]): T;
}

/** The draws of one session: they do not depend on how many sessions were drawn before it. */
export function newDraw(seed: number, index: number): Draw {
  const next = seeded(seed * 1_000_003 + index);
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    between,
    chance: probability => next() < probability,
    pick: choices => choices[between(0, choices.length - 1)] ?? choices[0],
  };
}
