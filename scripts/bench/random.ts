/** A small seeded generator (mulberry32): the same seed gives the same working directory on every machine. */
export interface Random {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  /** From 0 to below 1. */
  fraction(): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** `bytes` incompressible bytes. */
  noise(bytes: number): Buffer;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit: number) => Math.floor((next() / 0x1_0000_0000) * limit);
  return {
    below,
    fraction: () => next() / 0x1_0000_0000,
    pick: choices => choices[below(choices.length)] ?? choices[0],
    noise: bytes => {
      const words = new Uint32Array(Math.ceil(bytes / 4));
      for (let i = 0; i < words.length; i++) words[i] = next();
      return Buffer.from(words.buffer, 0, bytes);
    },
  };
}
