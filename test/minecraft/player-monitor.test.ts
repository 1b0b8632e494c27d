import { afterEach, expect, test } from 'vitest';
import type { Presence } from '../../src/minecraft/player-count.ts';
import { type MonitorOptions, monitorPlayers } from '../../src/minecraft/player-monitor.ts';
import { eventually } from '../support/eventually.ts';
import { type StatusServer, serveStatus } from '../support/status-server.ts';

let server: StatusServer | undefined;
const abort = { controller: new AbortController() };
afterEach(async () => {
  abort.controller.abort();
  abort.controller = new AbortController();
  await server?.close();
});

test('people who come and go are told, and their absence ends the watch', async () => {
  const game = { online: 1 };
  server = await serveStatus({ online: () => game.online });
  const told: number[] = [];
  const watch = monitorPlayers(
    { host: '127.0.0.1', port: server.port },
    quick({ emptyTimeoutMs: 100, onChange: people => told.push(people.now) }),
  );
  game.online = 3;
  await eventually(() => watch.people().now === 2);
  game.online = 2;
  await eventually(() => watch.people().now === 1);
  game.online = 1;
  expect(await watch.limit).toBe('everybody-left');
  expect(told).toEqual([2, 1, 0]);
  expect(watch.people()).toMatchObject({ now: 0, peak: 2 });
});

test('nobody who joins ends the watch', async () => {
  server = await serveStatus({ online: () => 1 });
  const watch = monitorPlayers({ host: '127.0.0.1', port: server.port }, quick({ joinTimeoutMs: 100 }));
  expect(await watch.limit).toBe('nobody-joined');
});

test('a look that fails is told, and ends nothing; the next one counts', async () => {
  server = await serveStatus({ online: () => 1 });
  const faults: unknown[] = [];
  const watch = monitorPlayers(
    { host: '127.0.0.1', port: server.port },
    quick({
      joinTimeoutMs: 100,
      onFault: fault => faults.push(fault),
      async connections() {
        if (faults.length < 3) throw new TypeError('a bug');
        return undefined;
      },
    }),
  );
  expect(await watch.limit).toBe('nobody-joined');
  expect(faults).toHaveLength(3);
});

test('a server that stops answering has hung, and the watch says why it thinks so', async () => {
  const game = { answers: true };
  server = await serveStatus({ online: () => 2, answers: () => game.answers });
  const told: Presence[] = [];
  const watch = monitorPlayers(
    { host: '127.0.0.1', port: server.port },
    quick({ livenessTimeoutMs: 3_000, onChange: people => told.push(people) }),
  );
  await eventually(() => watch.people().now === 1);
  game.answers = false;
  expect(await watch.limit).toBe('server-hung');
  expect(watch.people()).toMatchObject({
    now: 1,
    unanswered: { fault: expect.stringMatching(/no answer within/) },
  });
  expect(told.at(-1)?.unanswered).toBeDefined();
});

test('a server that falls silent for a while has not hung', async () => {
  const game = { answers: true };
  server = await serveStatus({ online: () => 2, answers: () => game.answers });
  const silences: boolean[] = [];
  const watch = monitorPlayers(
    { host: '127.0.0.1', port: server.port },
    quick({ livenessTimeoutMs: 3_000, onChange: people => silences.push(people.unanswered !== undefined) }),
  );
  await eventually(() => watch.people().now === 1);
  game.answers = false;
  await eventually(() => watch.people().unanswered);
  game.answers = true;
  // A busy machine may take its time more than once.
  await eventually(() => silences.length >= 3 && watch.people().unanswered === undefined);
  expect(silences.slice(0, 3)).toEqual([false, true, false]);
});

test('names are kept apart from the counts, each once', async () => {
  const game = { names: ['Bot', 'Walker'] };
  server = await serveStatus({ online: () => game.names.length, names: () => game.names });
  const watch = monitorPlayers({ host: '127.0.0.1', port: server.port }, quick({}));
  await eventually(() => watch.people().now === 1);
  game.names = ['Bot', 'Digger', 'Walker'];
  await eventually(() => watch.people().now === 2);
  expect(watch.names()).toEqual(['Bot', 'Walker', 'Digger']);
  expect(JSON.stringify(watch.people())).not.toContain('Walker');
});

test('a person is counted by a connection that lasts, whatever the agent does', async () => {
  const game = { online: 1, own: new Set<string>(), others: new Set(['10.0.0.7:40000']) };
  server = await serveStatus({ online: () => game.online });
  const watch = monitorPlayers(
    { host: '127.0.0.1', port: server.port },
    quick({ emptyTimeoutMs: 100, connections: async () => game }),
  );
  await eventually(() => watch.people().now === 1);
  game.own = new Set(['127.0.0.1:40001']);
  game.online = 2;
  const looked = watch.people().sampledMs;
  await eventually(() => watch.people().sampledMs > looked + 50);
  expect(watch.people()).toMatchObject({ now: 1, peak: 1, changes: [{ kind: 'joined' }] });
  game.others = new Set();
  game.online = 1;
  expect(await watch.limit).toBe('everybody-left');
});

test('connections that come and go are nobody, in the game or at the dashboard', async () => {
  server = await serveStatus({ online: () => 1 });
  let looks = 0;
  const passing = async () => {
    looks += 1;
    return new Set([`10.0.0.7:${looks}`]);
  };
  const watch = monitorPlayers(
    { host: '127.0.0.1', port: server.port },
    quick({
      joinTimeoutMs: 300,
      connections: async () => ({ own: new Set<string>(), others: await passing() }),
      visitors: passing,
    }),
  );
  await eventually(() => looks > 40);
  expect(watch.people()).toMatchObject({ now: 0, firstJoinedMs: undefined });
});

test('an aborted watch ends without a limit and leaves no connection', async () => {
  for (const answers of [true, false]) {
    const standIn = await serveStatus({ online: () => 1, answers: () => answers });
    const controller = new AbortController();
    const watch = monitorPlayers(
      { host: '127.0.0.1', port: standIn.port },
      { ...quick({}), signal: controller.signal },
    );
    await eventually(() => watch.people().sampledMs > 0 || standIn.connections() > 0);
    controller.abort();
    expect(await watch.limit).toBeUndefined();
    await eventually(() => standIn.connections() === 0);
    await standIn.close();
  }
});

function quick(options: Partial<MonitorOptions>): MonitorOptions {
  return {
    agentPlayers: 1,
    joinTimeoutMs: undefined,
    emptyTimeoutMs: undefined,
    livenessTimeoutMs: 20_000,
    intervalMs: 10,
    signal: abort.controller.signal,
    ...options,
  };
}
