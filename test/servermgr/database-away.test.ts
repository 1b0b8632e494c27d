import { afterEach, expect, test, vi } from 'vitest';
import { createParts, launchedRecord } from './support/fleet-parts.ts';

afterEach(() => void vi.useRealTimers());

test('when the database has been away for ten seconds every instance observes, and when it is back its holder alone', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const { state, registry } = createParts();
  state.isHeld = false;
  await registry.read();
  state.isAway = true;
  await registry.read();
  expect(registry.observes()).toBe(false);
  vi.setSystemTime(Date.now() + 11_000);
  expect(registry.observes()).toBe(true);
  state.isAway = false;
  await registry.read();
  expect(registry.observes()).toBe(false);
});

test('what was observed and not written down before the lease was lost is forgotten', async () => {
  const record = launchedRecord({ changedMs: 1 });
  const { state, registry } = createParts([record]);
  await registry.read();
  const { id } = record.session;
  registry.observe({ ...record, overMs: Date.now() });
  state.isHeld = false;
  await registry.read();
  await registry.read();
  expect(registry.get(id)?.overMs).toBeUndefined();
});

test('what has changed is not taken for all that there is, when the lease is lost while it is read', async () => {
  const [one, other] = [launchedRecord({ changedMs: 1 }), launchedRecord({ changedMs: 1e9 })];
  const { state, lease, registry } = createParts([one, other]);
  await registry.read();
  const { promise, resolve } = Promise.withResolvers<void>();
  state.waits = promise;
  const reading = registry.read();
  state.isHeld = false;
  registry.observe({ ...other, overMs: Date.now() });
  await registry.save(lease.check);
  resolve();
  await reading;
  await registry.read();
  expect(registry.get(one.session.id)).toBeDefined();
});
