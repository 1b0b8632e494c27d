import { expect, test } from 'vitest';
import { newCode } from '../../../src/servermgr/studies/codes.ts';

test('codes are readable, and no two are the same', () => {
  const codes = Array.from({ length: 2_000 }, newCode);
  for (const code of codes) expect(code).toMatch(/^[A-HJ-NP-Z2-9]{8}$/);
  expect(new Set(codes).size).toBe(codes.length);
  // All letters come up: 16,000 of them miss one of 32 once in 10^219 times.
  expect(new Set(codes.join('')).size).toBe(32);
});
