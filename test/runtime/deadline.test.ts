import { expect, test } from 'vitest';
import { createDeadlines, type DeadlinePart, type DeadlineSettings } from '../../src/runtime/deadline.ts';
import { createSignals } from '../../src/runtime/signals.ts';

const SETTINGS: DeadlineSettings = {
  graceMs: 10_000,
  serverGraceMs: 600_000,
  hasJournal: true,
  stopTimeoutMs: 120_000,
  saveTimeoutMs: 3_600_000,
  hasFallback: false,
};

/** What a part may take that begins with a stop request, to a second. */
function afterStopRequest(part: DeadlinePart, settings: Partial<DeadlineSettings>): number {
  const signals = createSignals();
  const startDeadline = createDeadlines(signals, { ...SETTINGS, ...settings });
  signals.onSignal('SIGTERM');
  using deadline = startDeadline(part);
  return Math.round(deadline.leftMs() / 1_000);
}

test('with a journal the server has all of the stop timeout but the time of the flush, and the reserve', () => {
  expect(afterStopRequest('stopServer', {})).toBe(108);
  expect(afterStopRequest('stopServer', { stopTimeoutMs: 30_000 })).toBe(18);
});

test('of a short stop timeout the flush has half', () => {
  expect(afterStopRequest('stopServer', { stopTimeoutMs: 12_000 })).toBe(5);
  expect(afterStopRequest('stopServer', { stopTimeoutMs: 1_000 })).toBe(0);
});

test('without a journal it has a quarter, as the agent always has', () => {
  expect(afterStopRequest('stopServer', { hasJournal: false, stopTimeoutMs: 30_000 })).toBe(7);
  expect(afterStopRequest('stopProcesses', { stopTimeoutMs: 30_000 })).toBe(7);
});

test('without a stop request the server has its whole grace', () => {
  using deadline = createDeadlines(createSignals(), SETTINGS)('stopServer');
  expect(deadline.leftMs()).toBeGreaterThan(SETTINGS.serverGraceMs);
});

test('others are told for five seconds, after a stop request as long as the report has time', () => {
  using deadline = createDeadlines(createSignals(), SETTINGS)('monitoring');
  expect(Math.round(deadline.leftMs() / 1_000)).toBe(5);
  expect(afterStopRequest('monitoring', {})).toBe(5);
  expect(afterStopRequest('monitoring', { stopTimeoutMs: 3_500 })).toBe(3);
  expect(afterStopRequest('monitoring', { stopTimeoutMs: 3_500 })).toBe(
    afterStopRequest('report', { stopTimeoutMs: 3_500 }),
  );
});
