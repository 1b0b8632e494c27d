import { expect, test } from 'vitest';
import { createActions } from '../../src/servermgr/fleet/actions.ts';
import { createRollCall } from '../../src/servermgr/fleet/roll-call.ts';
import type { Session } from '../../src/servermgr/launchers/launcher.ts';
import { createParts, launchedRecord, newSession, SILENT } from './support/fleet-parts.ts';

const never = (): never => {
  throw new Error('nobody asks for that here');
};
const launcher = {
  kind: 'ecs',
  pollIntervalMs: () => 1_000,
  ...{ launch: never, look: never, recover: never, recovery: never, remove: never, close: never },
} as const;

test('a session that cannot be written down keeps no other from being looked at', async () => {
  const known = launchedRecord();
  await using parts = await createParts([known]);
  const { lease, table, registry } = parts;
  await parts.away();
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

test('a launcher that takes long holds up neither who stops a session, nor what rules say of others', async () => {
  const [one, other] = [launchedRecord(), launchedRecord()];
  await using parts = await createParts([one, other]);
  const { table, registry } = parts;
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
