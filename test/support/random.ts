import { seeded } from './seeded.ts';

/** Random choices that a seed decides: the same seed gives the same ones on every machine. */
export interface Random {
  /** From 0 to below 1. */
  fraction(): number;
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** Bytes that nothing compresses. */
  noise(bytes: number): Buffer;
}

export function createRandom(seed: number): Random {
  const fraction = seeded(seed);
  const below = (limit: number) => Math.floor(fraction() * limit);
  return {
    fraction,
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: probability => fraction() < probability,
    pick: choices => choices[below(choices.length)] ?? choices[0],
    noise: bytes => {
      const words = new Uint32Array(Math.ceil(bytes / 4));
      for (let i = 0; i < words.length; i++) words[i] = fraction() * 0x1_0000_0000;
      return Buffer.from(words.buffer, 0, bytes);
    },
  };
}
