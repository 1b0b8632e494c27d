import { crc32 } from 'node:zlib';

/**
 * CRC-32 goes on over so many zeros, in the time of their logarithm: one more zero byte is a linear map of the sum's bits,
 * which is squared for two, for four, and so on, as in zlib's crc32_combine.
 */
export function crc32OfZeros(count: number, before: number): number {
  let state = ~before;
  let step = ONE_ZERO;
  for (let left = count; left > 0; left = Math.floor(left / 2)) {
    const map = step;
    if (left % 2 === 1) state = apply(map, state);
    step = map.map(column => apply(map, column));
  }
  return ~state >>> 0;
}

/** What becomes of each bit. */
const ONE_ZERO: readonly number[] = Array.from(
  { length: 32 },
  (_, bit) => ~crc32(Buffer.alloc(1), ~(1 << bit) >>> 0),
);

function apply(map: readonly number[], bits: number): number {
  return map.reduce((sum, column, bit) => (bits & (1 << bit) ? sum ^ column : sum), 0);
}
