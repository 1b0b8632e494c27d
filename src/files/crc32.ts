import { crc32 } from 'node:zlib';

/** CRC-32 goes on over so many zeros, in the time of their logarithm. */
export function crc32OfZeros(count: number, before: number): number {
  return ~applyZeros(count, ~before) >>> 0;
}

/** The CRC-32 of two pieces one after the other, of what each has alone, as zlib's crc32_combine. */
export function crc32Combined(first: number, second: number, secondBytes: number): number {
  return (applyZeros(secondBytes, first) ^ second) >>> 0;
}

/**
 * One more zero byte is a linear map of the sum's bits, which is squared for two, for four, and so on; the squares are
 * made once.
 */
function applyZeros(count: number, state: number): number {
  let bits = state;
  for (let left = count, power = 0; left > 0; left = Math.floor(left / 2), power += 1) {
    const map = SQUARES[power] ?? square(power);
    if (left % 2 === 1) bits = apply(map, bits);
  }
  return bits;
}

/** What becomes of each bit by 2^n zero bytes. */
const SQUARES: (readonly number[])[] = [];

function square(power: number): readonly number[] {
  const map = power === 0 ? ofOneZero() : squared(SQUARES[power - 1] ?? square(power - 1));
  SQUARES[power] = map;
  return map;
}

function ofOneZero(): number[] {
  return Array.from({ length: 32 }, (_, bit) => ~crc32(Buffer.alloc(1), ~(1 << bit) >>> 0));
}

function squared(half: readonly number[]): number[] {
  return half.map(column => apply(half, column));
}

function apply(map: readonly number[], bits: number): number {
  return map.reduce((sum, column, bit) => (bits & (1 << bit) ? sum ^ column : sum), 0);
}
