/** @module-tag slow */

import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { limitConnections } from '../../src/servermgr/web/connections.ts';
import { eventually } from '../support/eventually.ts';
import { createManagerFixture } from './support/manager.ts';
import { startProgram } from './support/program.ts';

const opened: Socket[] = [];

afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

const HALF_A_HEAD = 'GET / HTTP/1.1\r\nHost: x\r\nX-Half: ';

/** What a client has sent that has no answer coming: nothing, half a head, a head without its body, a whole request. */
const SENT = [
  ...Array.from({ length: 18 }, (_, index) => (index % 2 === 0 ? '' : HALF_A_HEAD)),
  'POST /launch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n_csrf',
  'GET /health HTTP/1.1\r\nHost: x\r\n\r\n',
];

test('4,200 idle connections, with half a head or without, lock nobody out', async () => {
  await using fixture = await createManagerFixture();
  await using program = await startProgram(fixture.env, fixture.folder);
  const port = Number(new URL(program.url).port);
  const sockets: Socket[] = [];
  while (sockets.length < 4_200) {
    const batch = await Promise.all(Array.from({ length: 100 }, () => open(port)));
    batch.forEach((socket, index) => void socket.write(SENT[index % SENT.length] ?? ''));
    sockets.push(...batch);
  }
  // It was full before anybody's time was over.
  await eventually(() => sockets.filter(({ destroyed }) => destroyed).length >= 200);
  for (let visit = 0; visit < 5; visit += 1) {
    const beganMs = performance.now();
    const answer = await fetch(program.url, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(5_000),
    });
    expect(await answer.text()).toContain('Start a server');
    expect(performance.now() - beganMs).toBeLessThan(1_000);
  }
});

test('when it is full, the longest idle connection of the network with the most goes, and none that is at work', async () => {
  const { ask, open: openHere, answerAll } = await startServer(8);
  const working = [await ask(), await ask()];
  const few = [await openHere('127.0.0.3'), await openHere('127.0.0.3')];
  const many: Socket[] = [];
  for (let index = 0; index < 4; index += 1) many.push(await openHere('127.0.0.2'));
  const closed = () => [...few, ...many].map(({ destroyed }) => destroyed);
  expect(closed()).toEqual([false, false, false, false, false, false]);
  await openHere('127.0.0.4');
  await eventually(() => many[0]?.destroyed);
  await openHere('127.0.0.4');
  await eventually(() => many[1]?.destroyed);
  // All three have two now: whoever has been idle longest goes.
  await openHere('127.0.0.5');
  await eventually(() => few[0]?.destroyed);
  expect(closed()).toEqual([true, false, true, true, false, false]);
  answerAll();
  expect(await Promise.all(working.map(({ status }) => status))).toEqual([200, 200]);
});

test('a connection counts as idle from its last answer on, and while its body does not come', async () => {
  const { open: openHere } = await startServer(3);
  const unsent = await openHere('127.0.0.1');
  unsent.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhal');
  const used = await openHere('127.0.0.1');
  const unused = await openHere('127.0.0.1');
  // The older one is the younger from its answer on.
  used.write('GET /at-once HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(used, 'data');
  await openHere('127.0.0.1');
  await eventually(() => unsent.destroyed);
  await openHere('127.0.0.1');
  await eventually(() => unused.destroyed);
  expect(used.destroyed).toBe(false);
});

test('a server whose connections are all at work refuses new ones, and takes them again', async () => {
  const { port, ask, open: openHere, answerAll } = await startServer(2);
  const working = [await ask(), await ask()];
  const refused = await openHere('127.0.0.1');
  await eventually(() => refused.destroyed);
  answerAll();
  expect(await Promise.all(working.map(({ status }) => status))).toEqual([200, 200]);
  expect(await (await fetch(`http://127.0.0.1:${port}/at-once`)).text()).toBe('fine');
});

test('a head has ten seconds to arrive', { tags: ['slow'] }, async () => {
  await using fixture = await createManagerFixture();
  const port = Number(new URL((await fixture.startManager()).url).port);
  const sockets = [await open(port), await open(port)];
  sockets[1]?.write('GET / HTTP/1.1\r\nHost: x\r\n');
  const beganMs = performance.now();
  const drip = sockets[1];
  const closed = Promise.all(sockets.map(socket => once(socket, 'close')));
  while (drip?.writable && performance.now() - beganMs < 20_000) {
    drip.write('X: y\r\n');
    await Promise.race([closed, sleep(500)]);
  }
  await closed;
  expect(performance.now() - beganMs).toBeGreaterThan(9_000);
  expect(performance.now() - beganMs).toBeLessThan(14_000);
});

/** A server that answers /at-once, and other requests when it is told to. */
async function startServer(limit: number) {
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    const answer = () => void response.end('fine');
    if (request.url === '/at-once') answer();
    else waiting.push(answer);
  });
  limitConnections(server, limit);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return {
    port,
    open: (from: string) => open(port, from),
    /** Begins a request. @returns once the server has it: its answer's status, which is to come */
    async ask() {
      const before = waiting.length;
      const request = get({ host: '127.0.0.1', port, path: '/', agent: false });
      const status = once(request, 'response').then(([response]: IncomingMessage[]) => response?.statusCode);
      await eventually(() => waiting.length > before);
      return { status };
    },
    answerAll() {
      for (const answer of waiting) answer();
    },
  };
}

/** @returns a connection, which says by `destroyed` that the other side has closed it */
async function open(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => socket.destroy());
  socket.on('data', () => undefined);
  opened.push(socket);
  await once(socket, 'connect');
  return socket;
}
