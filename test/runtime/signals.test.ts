import { expect, test } from 'vitest';
import { createSignals } from '../../src/runtime/signals.ts';
import { eventually } from '../support/eventually.ts';

test('signals that come together are one request, and a later one abandons', async () => {
  const signals = createSignals({ togetherMs: 50 });
  signals.onSignal('SIGTERM');
  signals.onSignal('SIGTERM');
  signals.onSignal('SIGINT');
  expect(signals.stopRequest()).toMatchObject({ signal: 'SIGTERM' });
  expect(signals.aborted.aborted).toBe(false);
  await eventually(() => {
    signals.onSignal('SIGINT');
    return signals.aborted.aborted;
  });
  expect(signals.abortedBy()).toBe('SIGINT');
});

test('a terminal that closes abandons nothing, however late', () => {
  const signals = createSignals({ togetherMs: 0 });
  signals.onSignal('SIGINT');
  signals.onSignal('SIGHUP');
  expect(signals.aborted.aborted).toBe(false);
});
