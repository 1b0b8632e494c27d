import { expect, test } from 'vitest';
import { retryPauseMs } from '../../src/webhook/retry.ts';

test('a message is sent ten times in three days, and never by all at the same moment', () => {
  const pauses = Array.from({ length: 10 }, (_, index) => retryPauseMs(index + 1));
  const seconds = pauses.map(pause => pause && pause / 1_000);
  const planned = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
  for (const [index, plan] of planned.entries()) {
    expect(seconds[index]).toBeGreaterThanOrEqual(plan * 0.8);
    expect(seconds[index]).toBeLessThanOrEqual(plan * 1.2);
  }
  expect(pauses[9]).toBeUndefined();
  expect(new Set(Array.from({ length: 20 }, () => retryPauseMs(9))).size).toBeGreaterThan(10);
});
