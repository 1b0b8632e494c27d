import { once } from 'node:events';
import { type Client, createClient, createServer } from 'minecraft-protocol';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ping } from '../../src/minecraft/ping.ts';
import { monitorPlayers } from '../../src/minecraft/player-monitor.ts';
import { waitUntilReady } from '../../src/minecraft/readiness.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';

// Not our own idea of the protocol: the server and the clients are those of minecraft-protocol.
const version = '1.16.5';
const patience = { timeoutMs: 20_000, signal: new AbortController().signal };
let port: number;
let server: ReturnType<typeof createServer>;

beforeAll(async () => {
  port = await freePort();
  server = createServer({ 'online-mode': false, port, version, maxPlayers: 5, motd: 'a real server' });
  await once(server, 'listening');
});

afterAll(async () => {
  const closed = once(server, 'close');
  server.close();
  await closed;
});

test('a real server is ready, and tells its version', async () => {
  expect(await waitUntilReady({ host: '127.0.0.1', port }, patience)).toMatchObject({
    version: '1.16.5',
    protocol: 754,
    online: 0,
    max: 5,
  });
});

test('real players are seen to join and to leave', async () => {
  const watching = new AbortController();
  onTestFinished(() => watching.abort());
  const watch = monitorPlayers(
    { host: 'localhost', port },
    {
      ...{ agentPlayers: 1, joinTimeoutMs: undefined, emptyTimeoutMs: 100, livenessTimeoutMs: 20_000 },
      ...{ intervalMs: 20, signal: watching.signal },
    },
  );
  const agent = await join('Agent');
  await eventually(async () => (await ping({ host: '127.0.0.1', port }, patience)).online === 1);
  const person = await join('Walker');
  await eventually(() => watch.people().now === 1);
  person.end('bye');
  expect(await watch.limit).toBe('everybody-left');
  expect(watch.people()).toMatchObject({ peak: 1, changes: [{ kind: 'joined' }, { kind: 'left' }] });
  agent.end('bye');
  await eventually(async () => (await ping({ host: '127.0.0.1', port }, patience)).online === 0);
});

async function join(username: string): Promise<Client> {
  const client = createClient({ host: '127.0.0.1', port, username, version, auth: 'offline' });
  onTestFinished(() => client.end('bye'));
  await once(client, 'success');
  return client;
}
