import { afterEach, expect, test, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createParts, launchedRecord, SEEN } from './support/fleet-parts.ts';

afterEach(() => void vi.useRealTimers());

test('what has changed is read again for fifteen seconds, and then no more', {
  tags: ['slow'],
}, async () => {
  await using parts = await createParts([launchedRecord(), launchedRecord()]);
  const { registry, reads } = parts;
  await registry.read();
  expect(reads).toEqual([2, 2]);
  await eventually(async () => {
    await registry.read();
    return reads.at(-1) === 0;
  });
  expect(registry.records()).toHaveLength(2);
});

test('an instance that loses its lease while it reads what has changed forgets no session', async () => {
  const [one, other] = [launchedRecord(), launchedRecord()];
  await using parts = await createParts([one, other]);
  const { database, registry, lease } = parts;
  // It has changed long ago: what is read by and by has the other one alone.
  await database.db.updateTable('sessions').set({ changed_ms: 1 }).where('id', '=', one.session.id).execute();
  parts.duringRead(async () => {
    await lease.release();
    registry.observe({ ...(registry.get(other.session.id) ?? other), overMs: Date.now() });
    await registry.save(lease.check);
  });
  await registry.read();
  expect(registry.records()).toHaveLength(2);
  await registry.read();
  expect(registry.records().map(({ session }) => session.id)).toEqual([one.session.id, other.session.id]);
  expect(registry.get(other.session.id)?.overMs).toBeUndefined();
});

test('what was observed and not written down before the lease was lost is forgotten', async () => {
  const record = launchedRecord();
  await using parts = await createParts([record]);
  const { registry, lease } = parts;
  registry.observe({ ...(registry.get(record.session.id) ?? record), overMs: Date.now() });
  await lease.release();
  await registry.read();
  await registry.read();
  expect(registry.get(record.session.id)?.overMs).toBeUndefined();
});

test('when the database has been away for ten seconds every instance observes, and when it is back its holder alone', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  await using parts = await createParts();
  const { registry, lease } = parts;
  await lease.release();
  await parts.away();
  await registry.read();
  expect(registry.observes()).toBe(false);
  vi.setSystemTime(Date.now() + 11_000);
  expect(registry.observes()).toBe(true);
  await parts.back();
  await registry.read();
  expect(registry.observes()).toBe(false);
});

test('what launches usually take is known after a start, also of sessions that pages show no more', async () => {
  const readyAfter = (ms: number) => {
    const record = launchedRecord({ goneMs: Date.now() });
    const observation = { ...SEEN, readyMs: record.requestedMs + ms };
    return { ...record, observation };
  };
  await using parts = await createParts([20_000, 40_000, 60_000].map(readyAfter));
  expect(parts.registry.records()).toEqual([]);
  expect(parts.registry.usual(['flat_world'])).toEqual({ readyAfterMs: 40_000, version: '1.12.2' });
  const next = launchedRecord();
  parts.registry.put(next);
  expect(parts.registry.views()).toMatchObject([
    { id: next.session.id, version: undefined, usual: { readyAfterMs: 40_000, version: '1.12.2' } },
  ]);
});
