import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectionsTo } from '../../src/process/connections.ts';
import { createSocketOwner } from '../../src/process/socket-owner.ts';
import { readTcpTable } from '../../src/process/tcp-table.ts';
import { eventually } from '../support/eventually.ts';

const NOBODY = async () => false;

/** A server at a port of its own, on all addresses of both kinds. */
async function listen(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer(socket => void sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '::');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function join(port: number, host: string): Promise<void> {
  const socket = connect({ port, host });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
}

async function look(port: number, isOwn: Parameters<typeof connectionsTo>[2] = NOBODY) {
  const table = await readTcpTable();
  return table && connectionsTo(port, table, isOwn);
}

describe('who is connected to a port', () => {
  test.for(['127.0.0.1', '::1', '::ffff:127.0.0.1'])(
    'is found by both ends on this machine, at %s',
    async host => {
      const port = await listen();
      await join(port, host);
      await join(port, host);
      expect((await look(port))?.others.size).toBe(2);
      const asOwn = await look(port, async () => true);
      expect([asOwn?.own.size, asOwn?.others.size]).toEqual([2, 0]);
    },
  );

  test('is not known where nothing listens', async () => {
    expect(await look(1)).toBeUndefined();
    expect(await readTcpTable('/nowhere')).toBeUndefined();
  });
});

describe("the session's own sockets", () => {
  /** A process that is connected to the port. */
  function connected(port: number, options: SpawnOptions): void {
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; sleep 60`;
    const child = spawn('bash', ['-c', script], { detached: true, stdio: 'ignore', ...options });
    onTestFinished(() => void process.kill(-(child.pid ?? Number.NaN), 'SIGKILL'));
  }

  const marked = (marker: string) => ({
    env: { PATH: process.env.PATH, CRAFTASSIST_SESSION_COOKIE: marker },
  });

  const allThere = (port: number, count: number) =>
    eventually(async () => (await look(port))?.others.size === count);

  test('are those of processes with its marker, of the same user', async () => {
    const port = await listen();
    connected(port, marked('ours'));
    connected(port, marked('another'));
    await join(port, '127.0.0.1');
    await allThere(port, 3);
    const isOwn = createSocketOwner({ user: undefined, marker: 'ours', children: [] });
    const found = await look(port, isOwn);
    expect([found?.own.size, found?.others.size]).toEqual([1, 2]);
    const again = await look(port, isOwn);
    expect(again).toEqual(found);
  });

  test.runIf(process.getuid?.() === 0)('are those of the user of its children', async () => {
    const port = await listen();
    await join(port, '127.0.0.1');
    connected(port, { uid: 12_345, gid: 12_345 });
    await allThere(port, 2);
    const user = { uid: 12_345, gid: 12_345, name: 'x', home: '/' };
    const found = await look(port, createSocketOwner({ user, marker: 'ours', children: [] }));
    expect([found?.own.size, found?.others.size]).toEqual([1, 1]);
  });
});
