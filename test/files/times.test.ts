import { expect, test } from 'vitest';
import { toMs } from '../../src/files/times.ts';

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
