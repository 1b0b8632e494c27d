import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { isConnectedToItself } from '../../src/minecraft/ping.ts';
import { isPortOpen, waitUntilReady } from '../../src/minecraft/readiness.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { serveStatus } from '../support/status-server.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const never = new AbortController().signal;
const patient = { timeoutMs: 20_000, signal: never };

describe('waiting until a server is ready', () => {
  test('ends with the status of a server that is there', async () => {
    const server = await serveStatus({ online: () => 1 });
    closers.push(server.close);
    const status = await waitUntilReady({ host: '127.0.0.1', port: server.port }, patient);
    expect(status).toMatchObject({ online: 1, version: 'Stand-in 1.12.2' });
  });

  test('goes on while the connection is refused, and tells why each try has failed', async () => {
    const port = await freePort();
    const faults: string[] = [];
    const thirdTry = Promise.withResolvers<void>();
    const ready = waitUntilReady(
      { host: '127.0.0.1', port },
      { ...patient, onFailedTry: fault => faults.push(String(fault)) === 3 && thirdTry.resolve() },
    );
    await thirdTry.promise;
    const server = await serveStatus({ online: () => 0 }, port);
    closers.push(server.close);
    expect(await ready).toMatchObject({ online: 0 });
    for (const fault of faults) expect(fault).toMatch(/connection refused/);
  });

  test('is not held up by a connection that was accepted and is never answered', async () => {
    let failures = 0;
    const server = await serveStatus({ online: () => 5, answers: () => failures > 0 });
    closers.push(server.close);
    const ready = waitUntilReady(
      { host: '127.0.0.1', port: server.port },
      {
        ...patient,
        onFailedTry: () => {
          failures += 1;
        },
      },
    );
    expect(await ready).toMatchObject({ online: 5 });
    expect(failures).toBeGreaterThan(0);
  });

  test('gives up when the time is over: nobody listens', async () => {
    const address = { host: '127.0.0.1', port: await freePort() };
    expect(await waitUntilReady(address, { timeoutMs: 150, signal: never })).toBeUndefined();
  });

  test('gives up when the time is over: somebody listens and never answers, and no try outlasts it', async () => {
    const server = await serveStatus({ online: () => 0, answers: () => false });
    closers.push(server.close);
    const limitsMs: number[] = [];
    const ready = waitUntilReady(
      { host: '127.0.0.1', port: server.port },
      {
        ...{ timeoutMs: 150, signal: never },
        onFailedTry: fault => limitsMs.push(Number(/within (\d+)/.exec(String(fault))?.[1])),
      },
    );
    expect(await ready).toBeUndefined();
    expect(limitsMs.length).toBeGreaterThan(0);
    expect(Math.max(...limitsMs)).toBeLessThanOrEqual(150);
  });

  test.each([true, false])('ends with the reason of the signal (aborted in a try: %s)', async inTry => {
    const silent = await serveStatus({ online: () => 0, answers: () => false });
    closers.push(silent.close);
    const reason = new Error('the server has exited');
    const abort = new AbortController();
    const ready = waitUntilReady(
      { host: '127.0.0.1', port: inTry ? silent.port : await freePort() },
      { ...patient, signal: abort.signal, onFailedTry: () => setImmediate(() => abort.abort(reason)) },
    );
    if (inTry) await eventually(() => silent.connections() > 0).then(() => abort.abort(reason));
    await expect(ready).rejects.toBe(reason);
    await eventually(() => silent.connections() === 0);
  });
});

describe('a port', () => {
  test('is taken when somebody listens on all addresses', async () => {
    const port = await listening('0.0.0.0');
    expect(await isPortOpen({ host: '127.0.0.1', port }, never)).toBe(true);
    expect(await isPortOpen({ host: 'localhost', port }, never)).toBe(true);
  });

  test('is taken when somebody listens on the very address, even if they never say a word', async () => {
    const port = await listening('127.0.0.1');
    expect(await isPortOpen({ host: '127.0.0.1', port }, never)).toBe(true);
    expect(await isPortOpen({ host: 'localhost', port }, never)).toBe(true);
  });

  test('is free when nobody listens', async () => {
    expect(await isPortOpen({ host: '127.0.0.1', port: await freePort() }, never)).toBe(false);
    expect(await isPortOpen({ host: 'localhost', port: await freePort() }, never)).toBe(false);
  });

  test('is free when connections of an earlier server are still in TIME_WAIT', async () => {
    const port = await freePort();
    const server = createServer(socket => socket.end()).listen(port, '127.0.0.1');
    await once(server, 'listening');
    const client = connect(port, '127.0.0.1').resume();
    await once(client, 'close');
    server.close();
    await once(server, 'close');
    expect(await isPortOpen({ host: '127.0.0.1', port }, never)).toBe(false);
  });

  test('is not asked about once the signal is aborted', async () => {
    const reason = new Error('enough');
    await expect(isPortOpen({ host: '127.0.0.1', port: 1 }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

async function listening(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

describe('a port from which connections are made', () => {
  /** The kernel prefers even ones for connections. */
  async function ephemeralPort(): Promise<number> {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port & ~1;
  }

  test('is told from one where somebody listens when the connection has got that very port', async () => {
    const port = await ephemeralPort();
    const itself = connect({ host: '127.0.0.1', port, localPort: port });
    closers.push(async () => itself.destroy());
    await once(itself, 'connect');
    expect(isConnectedToItself(itself)).toBe(true);
    const server = await serveStatus({ online: () => 0 });
    closers.push(server.close);
    const other = connect({ host: '127.0.0.1', port: server.port });
    closers.push(async () => other.destroy());
    await once(other, 'connect');
    expect(isConnectedToItself(other)).toBe(false);
  });

  test('is not open, however often it is asked', { tags: ['slow'] }, async () => {
    const address = { host: '127.0.0.1', port: await ephemeralPort() };
    let found = 0;
    for (let tried = 0; tried < 30_000; tried += 1) if (await isPortOpen(address, never)) found += 1;
    expect(found).toBe(0);
  });
});
