import { expect, test } from 'vitest';
import { createSignals, REPEATABLE_STOP } from '../../src/runtime/signals.ts';
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

test('an uncaught bug ends a session, and an error that nobody waits for does not', () => {
  const signals = createSignals();
  expect(signals.hasUncaught()).toBe(false);
  signals.onUncaught(
    Object.assign(new Error('EISDIR: illegal operation on a directory'), { code: 'EISDIR' }),
  );
  expect(signals.hasUncaught()).toBe(true);
  expect(signals.internalError.aborted).toBe(false);
  signals.onUncaught(new Error('wrapped', { cause: new TypeError('a bug') }));
  expect(signals.internalError.aborted).toBe(true);
});

test('a terminal that closes abandons nothing, however late', () => {
  const signals = createSignals({ togetherMs: 0 });
  signals.onSignal('SIGINT');
  signals.onSignal('SIGHUP');
  expect(signals.aborted.aborted).toBe(false);
});

test('a stop that may be repeated is one request, abandons nothing, and makes no other signal the second', () => {
  const signals = createSignals({ togetherMs: 0 });
  signals.onSignal(REPEATABLE_STOP);
  signals.onSignal(REPEATABLE_STOP);
  expect(signals.stopRequest()).toMatchObject({ signal: 'SIGURG' });
  signals.onSignal('SIGTERM');
  signals.onSignal(REPEATABLE_STOP);
  expect(signals.aborted.aborted).toBe(false);
  signals.onSignal('SIGTERM');
  expect(signals.abortedBy()).toBe('SIGTERM');
});
