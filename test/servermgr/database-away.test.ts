import { afterEach, expect, test, vi } from 'vitest';
import { createActions } from '../../src/servermgr/fleet/actions.ts';
import { createRollCall } from '../../src/servermgr/fleet/roll-call.ts';
import type { Session } from '../../src/servermgr/launchers/launcher.ts';
import { createParts, launchedRecord, newSession, SILENT } from './support/fleet-parts.ts';

afterEach(() => void vi.useRealTimers());

const never = (): never => {
  throw new Error('nobody asks for that here');
};
const launcher = {
  kind: 'ecs',
  pollIntervalMs: () => 1_000,
  ...{ launch: never, look: never, recover: never, remove: never, close: never },
} as const;

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

test('a session that cannot be written down keeps no other from being looked at', async () => {
  const known = launchedRecord();
  const { state, lease, table, registry } = createParts([known]);
  await registry.read();
  state.isAway = true;
  const sampled: string[] = [];
  const listed: readonly Session[] = [newSession(), known.session];
  const rollCall = createRollCall({
    ...{ table, lease, registry, log: SILENT, closing: new AbortController().signal },
    launcher: { ...launcher, list: async () => listed, stop: never },
    limits: { launchTimeoutMs: 60_000, maxAgeMs: 60_000 },
    servers: {
      ...{ probe: never, read: never, close: never, readReportsOf: async () => undefined },
      sample: ({ session }) => sampled.push(session.id) > 0,
    },
  });
  expect(await rollCall.all()).toBe(true);
  expect(sampled).toEqual([known.session.id]);
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

test('a launcher that takes long holds up neither who stops a session, nor what rules say of others', async () => {
  const [one, other] = [launchedRecord(), launchedRecord()];
  const { table, registry } = createParts([one, other]);
  await registry.read();
  const asked: string[] = [];
  const actions = createActions({
    ...{ table, registry, launches: { launch: never, repeat: never, relaunch: never }, log: SILENT },
    launcher: {
      ...{ ...launcher, list: never },
      stop({ id }) {
        asked.push(id);
        return new Promise(() => undefined);
      },
    },
  });
  await actions.stop(one, 'visitor', 'visitor x');
  for (const time of [1, 2]) {
    await actions.apply([one, other].map(record => ({ do: 'pursue-stop', record, why: 'visitor' })));
    expect(asked, `${time}`).toEqual([one.session.id, other.session.id]);
  }
});
