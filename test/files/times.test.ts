import { expect, test } from 'vitest';
import { toMs, toMtime } from '../../src/files/times.ts';

test.for([
  [1_999_999n, 1],
  [-1n, -1],
  [-1_000_000n, -1],
  [-1_000_001n, -2],
  [99_999_999_999_999_000_000_000n, 8.64e15],
  [-99_999_999_999_999_000_000_000n, -8.64e15],
] as const)('%d ns are %d ms', ([ns, ms]) => {
  expect(toMs(ns)).toBe(ms);
});

test.for([
  [1_700_000_000_123_456_789n, 1_700_000_000_123, 456_789],
  [-1n, -1, 999_999],
  [-1_000_000n, -1, 0],
  [99_999_999_999_999_000_000_000n, 8.64e15, 0],
] as const)('%d ns are kept to the nanosecond, as far as a Date goes', ([ns, mtimeMs, mtimeNs]) => {
  expect(toMtime(ns)).toEqual({ mtimeMs, mtimeNs });
});
