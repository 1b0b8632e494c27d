import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ping } from '../../src/minecraft/ping.ts';
import { MAX_PACKET_BYTES } from '../../src/minecraft/protocol.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { seeded } from '../support/seeded.ts';
import { frame, serveStatus, statusPacket, varInt } from '../support/status-server.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const patient = { timeoutMs: 20_000, signal: new AbortController().signal };

describe('a status', () => {
  test('tells version, protocol, players, their names and the time it took', async () => {
    const server = await serveStatus({ online: () => 2, names: () => ['Walker', 'Digger'] });
    closers.push(server.close);
    const status = await ping({ host: '127.0.0.1', port: server.port }, patient);
    expect(status).toEqual({
      version: 'Stand-in 1.12.2',
      protocol: 340,
      online: 2,
      max: 20,
      names: ['Walker', 'Digger'],
      latencyMs: expect.any(Number),
    });
    expect(status.latencyMs).toBeGreaterThanOrEqual(0);
  });

  test('is found at localhost, though the server listens on one of its addresses only', async () => {
    const port = await answering(socket => socket.end(statusPacket(json({ players: { online: 3 } }))));
    expect((await ping({ host: 'localhost', port }, patient)).online).toBe(3);
  });

  test('is understood when it arrives byte by byte', async () => {
    const answer = statusPacket(json({ players: { online: 7 }, description: 'ü'.repeat(200) }));
    const port = await answering(async socket => {
      socket.setNoDelay();
      for (const byte of answer) await new Promise(sent => socket.write(Buffer.of(byte), sent));
    });
    expect((await ping({ host: '127.0.0.1', port }, patient)).online).toBe(7);
  });

  test('is understood when it is cut at any one byte', async () => {
    const answer = statusPacket(json({ players: { online: 7 } }));
    const cuts = answer.keys();
    const port = await answering(async socket => {
      const cut = cuts.next().value ?? 0;
      await new Promise(sent => socket.write(answer.subarray(0, cut), sent));
      socket.write(answer.subarray(cut));
    });
    for (const _ of answer) expect((await ping({ host: '127.0.0.1', port }, patient)).online).toBe(7);
  });

  test.each([
    ['nothing else', {}],
    ['nulls', { version: null, description: null, favicon: null }],
    ['odd types', { version: { name: 12, protocol: 'x' }, players: { max: 'many', sample: 'nobody' } }],
    ['a list of odd players', { version: [], players: { max: -1, sample: [1, null, {}, { name: 3 }, []] } }],
  ])('needs nothing else than the number of players: %s', async (_, rest) => {
    const status = { ...rest, players: { ...('players' in rest ? rest.players : {}), online: 1 } };
    const port = await answering(socket => socket.end(statusPacket(json(status))));
    expect(await ping({ host: '127.0.0.1', port }, patient)).toMatchObject({
      version: undefined,
      protocol: undefined,
      online: 1,
      max: undefined,
      names: [],
    });
  });

  test.each([
    ['no players', '{}'],
    ['null', '{"players":null}'],
    ['a list', '{"players":[]}'],
    ['no number', '{"players":{"max":20}}'],
    ['a negative number', '{"players":{"online":-1}}'],
    ['a text', '{"players":{"online":"0"}}'],
    ['a fraction', '{"players":{"online":0.5}}'],
  ])('does not tell how many are online, and is an answer: %s', async (_, status) => {
    const port = await answering(socket => socket.end(statusPacket(status)));
    expect(await ping({ host: '127.0.0.1', port }, patient)).toMatchObject({ online: undefined });
  });

  test('may begin with a byte order mark', async () => {
    const port = await answering(socket => socket.end(statusPacket('\uFEFF{"players":{"online":4}}')));
    expect((await ping({ host: '127.0.0.1', port }, patient)).online).toBe(4);
  });

  test('keeps the good names of a sample that has odd ones, with nothing in them that harms a log', async () => {
    const sample = [
      { name: 'A\u001b[31m\r\nB\u202e\u2028' },
      { name: 5 },
      null,
      { name: '\u0000' },
      { name: 'Ünal_😀' },
    ];
    const port = await answering(socket =>
      socket.end(statusPacket(json({ version: { name: 'x\n\u0007' }, players: { online: 2, sample } }))),
    );
    const status = await ping({ host: '127.0.0.1', port }, patient);
    expect(status.names).toEqual(['A[31mB', 'Ünal_😀']);
    expect(status.version).toBe('x');
  });

  test('comes with answers to spare: what follows the first packet is not read', async () => {
    const answer = statusPacket(json({ players: { online: 4 } }));
    const port = await answering(socket => socket.end(Buffer.concat([answer, Buffer.alloc(100_000, 0xff)])));
    expect((await ping({ host: '127.0.0.1', port }, patient)).online).toBe(4);
  });
});

describe('no status', () => {
  test.each([
    [
      'a web server',
      Buffer.from(`HTTP/1.1 400 Bad Request\r\n\r\n${'x'.repeat(200)}`),
      /not a Minecraft server/,
    ],
    [
      'an SSH server',
      Buffer.from(`SSH-2.0-OpenSSH_9.6 Ubuntu\r\n${'x'.repeat(200)}`),
      /not a Minecraft server/,
    ],
    ['a length without end', Buffer.alloc(6, 0xff), /not a Minecraft server/],
    ['a packet of no bytes', frame(Buffer.alloc(0)), /not a Minecraft server/],
    ['a status longer than its packet', frame(Buffer.of(0, 50, 123)), /not a Minecraft server/],
    ['a packet that is cut short', Buffer.concat([frame(Buffer.of(0, 50)), Buffer.alloc(99)]), /cut short/],
    ['half a packet', statusPacket('{"players":{"online":1}}').subarray(0, 9), /in the middle of the answer/],
    ['nothing at all', Buffer.alloc(0), /hung up without an answer/],
    ['a packet that is too long', varInt(MAX_PACKET_BYTES + 1), /too long/],
    ['text that is not JSON', statusPacket('{"players":'), /not JSON/],
    ['JSON that is no object', statusPacket('null'), /not a JSON object/],
  ])('from a server that answers with %s', async (_, answer, message) => {
    const port = await answering(socket => socket.end(answer));
    await expect(ping({ host: '127.0.0.1', port }, patient)).rejects.toThrow(message);
  });

  test('where nobody listens: the connection is refused, and the error says so and keeps its cause', async () => {
    const address = { host: '127.0.0.1', port: await freePort() };
    const fault = await ping(address, patient).catch((error: unknown) => error);
    expect(fault).toMatchObject({
      message: `no status from 127.0.0.1:${address.port}: connection refused`,
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('at localhost, when both of its addresses refuse', async () => {
    const address = { host: 'localhost', port: await freePort() };
    await expect(ping(address, patient)).rejects.toThrow(/connection refused/);
  });

  test('from a host that does not exist', async () => {
    // A label that is too long is found out here: no name server is asked, and none can be slow.
    const host = `${'x'.repeat(64)}.invalid`;
    await expect(ping({ host, port: 25565 }, patient)).rejects.toThrow(/looked up/);
  });

  test('from a server that resets the connection', async () => {
    const port = await answering(socket => socket.resetAndDestroy());
    await expect(ping({ host: '127.0.0.1', port }, patient)).rejects.toThrow(/reset/);
  });

  test('from a server that accepts and never answers: the time limit ends it', async () => {
    const port = await answering(() => undefined);
    await expect(ping({ host: '127.0.0.1', port }, { ...patient, timeoutMs: 50 })).rejects.toThrow(
      /no answer within 50 ms/,
    );
  });

  test('from a server that drips: bytes do not extend the time limit', async () => {
    const port = await answering(socket => {
      socket.write(varInt(1000));
      const drip = setInterval(() => socket.write(Buffer.of(0)), 10);
      socket.once('close', () => clearInterval(drip));
    });
    await expect(ping({ host: '127.0.0.1', port }, { ...patient, timeoutMs: 100 })).rejects.toThrow(
      /no answer within/,
    );
  });

  test('once it is aborted: the reason of the signal is thrown, and the socket is gone', async () => {
    const open = new Set<Socket>();
    const asked = Promise.withResolvers<void>();
    const port = await answering(() => asked.resolve(), open);
    const abort = new AbortController();
    const answer = ping({ host: '127.0.0.1', port }, { timeoutMs: 20_000, signal: abort.signal });
    await asked.promise;
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await eventually(() => open.size === 0);
    await expect(ping({ host: '127.0.0.1', port }, { ...patient, signal: abort.signal })).rejects.toBe(
      reason,
    );
  });
});

test('random, damaged and truncated answers end in a status or a clear error, and leave no socket', async () => {
  const random = seeded(20_26);
  const whole = statusPacket(
    json({ version: { name: 'x' }, players: { online: 1, sample: [{ name: 'a' }] } }),
  );
  const open = new Set<Socket>();
  const port = await answering(socket => socket.end(damaged(whole, random)), open);
  let understood = 0;
  for (let round = 0; round < 400; round += 1) {
    const outcome = await ping({ host: '127.0.0.1', port }, patient).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      expect(outcome.message).toMatch(/^no status from 127\.0\.0\.1:\d+: (its|not|the|hung)/);
    } else {
      understood += 1;
      expect(outcome).toMatchObject({ latencyMs: expect.any(Number) });
    }
  }
  expect(understood).toBeGreaterThan(10);
  expect(understood).toBeLessThan(390);
  await eventually(() => open.size === 0);
});

function json(value: unknown): string {
  return JSON.stringify(value);
}

/** A server, on IPv4 alone, that does something once it has been asked. */
async function answering(answer: (socket: Socket) => unknown, open = new Set<Socket>()): Promise<number> {
  const server = createServer(socket => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // Pings that have heard enough hang up while bytes are still on their way.
    socket.on('error', () => socket.destroy());
    socket.once('data', () => answer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    for (const socket of open) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

function damaged(whole: Buffer, random: () => number): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  const copy = Buffer.from(whole);
  switch (below(4)) {
    case 0:
      return Buffer.from(Array.from({ length: below(300) }, () => below(256)));
    case 1:
      return copy.subarray(0, below(copy.length + 1));
    case 2:
      for (let flips = below(4); flips >= 0; flips -= 1) copy[below(copy.length)] = below(256);
      return copy;
    default:
      return Buffer.concat([copy, Buffer.alloc(below(50), below(256))]);
  }
}
