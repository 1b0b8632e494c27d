import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { resetIfConnectedToItself } from '../../src/minecraft/ping.ts';
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
    expect(await waitUntilReady(address, { timeoutMs: 150, signal: never })).toEqual({
      fault: expect.stringContaining('connection refused'),
    });
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
    expect(await ready).toEqual({ fault: expect.stringContaining('no answer within') });
    expect(limitsMs.length).toBeGreaterThan(0);
    expect(Math.max(...limitsMs)).toBeLessThanOrEqual(150);
  });

  test('does not count the time in which its own process did not run', async () => {
    const port = await freePort();
    let server: Promise<{ close: () => Promise<unknown> }> | undefined;
    const ready = waitUntilReady(
      { host: '127.0.0.1', port },
      {
        ...{ timeoutMs: 1_000, signal: never },
        onFailedTry() {
          if (server !== undefined) return;
          server = serveStatus({ online: () => 0 }, port);
          // Nothing runs here while this lasts, as on a machine that is busy.
          const untilMs = performance.now() + 1_100;
          while (performance.now() < untilMs);
        },
      },
    );
    expect(await ready).toMatchObject({ online: 0 });
    closers.push(async () => (await server)?.close());
  });

  test('gives the last try no less time than those before', async () => {
    let asked = 0;
    const server = await serveStatus({ online: () => 0, answers: () => false });
    closers.push(server.close);
    const limitsMs: number[] = [];
    await waitUntilReady(
      { host: '127.0.0.1', port: server.port },
      {
        ...{ timeoutMs: 2_300, signal: never },
        onFailedTry(fault) {
          asked += 1;
          limitsMs.push(Number(/within (\d+)/.exec(String(fault))?.[1]));
        },
      },
    );
    expect(asked).toBe(2);
    expect(limitsMs[1]).toBeGreaterThan(1_000);
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

  /** Asks until the kernel has chosen the very port for a connection to it: it does so once in some 10,000 times. */
  async function connectToItself(address: { host: string; port: number }): Promise<Socket> {
    for (;;) {
      const socket = connect(address);
      const isConnected = await Promise.race([
        once(socket, 'connect').then(() => true),
        new Promise<false>(resolve => socket.once('close', () => resolve(false))),
      ]).catch(() => false);
      if (isConnected) return socket;
    }
  }

  test('is told from one where somebody listens, and a server can listen there at once', {
    tags: ['slow'],
  }, async () => {
    const address = { host: '127.0.0.1', port: await ephemeralPort() };
    const itself = await connectToItself(address);
    expect(resetIfConnectedToItself(itself)).toBe(true);
    await once(itself, 'close');
    const server = await serveStatus({ online: () => 0 }, address.port);
    closers.push(server.close);
    const other = connect(address);
    closers.push(async () => other.destroy());
    await once(other, 'connect');
    expect(resetIfConnectedToItself(other)).toBe(false);
  });

  test('is not open, however often it is asked', { tags: ['slow'] }, async () => {
    const address = { host: '127.0.0.1', port: await ephemeralPort() };
    let found = 0;
    for (let tried = 0; tried < 30_000; tried += 1) if (await isPortOpen(address, never)) found += 1;
    expect(found).toBe(0);
  });
});
