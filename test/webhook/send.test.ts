import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { type Answer, send } from '../../src/webhook/send.ts';
import { createTargets } from '../../src/webhook/targets.ts';
import { freePort } from '../support/free-port.ts';
import { startReceiver, WEBHOOK_SECRET } from './support/receiver.ts';

const never = new AbortController().signal;

/** Sends a message. @param listed which internal hosts may be asked */
function sendTo(url: string, listed: readonly string[] = ['127.0.0.1'], signal = never): Promise<Answer> {
  const message = {
    id: 'msg_1',
    url,
    secret: WEBHOOK_SECRET,
    body: '{"type":"session.ended","text":"größer"}',
  };
  return send(message, { targets: createTargets(listed), userAgent: 'a-sender', signal });
}

test('a message is signed as it is sent, and a 2xx is a delivery', async () => {
  await using receiver = await startReceiver();
  expect(await sendTo(`http://127.0.0.1:${receiver.port}/a?b=c`)).toEqual({
    kind: 'delivered',
    text: 'HTTP 204',
  });
  expect(receiver.messages()).toEqual([{ type: 'session.ended', text: 'größer' }]);
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  expect(headers).toMatchObject({
    ...{ 'webhook-id': 'msg_1', 'content-type': 'application/json', 'user-agent': 'a-sender' },
  });
  expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(5);
  const verifier = new Webhook(WEBHOOK_SECRET);
  expect(() => verifier.verify(`${body} `, headers)).toThrow('No matching signature found');
  expect(() => verifier.verify(body, { ...headers, 'webhook-id': 'msg_2' })).toThrow(
    'No matching signature found',
  );
});

test.each([
  [500, { kind: 'failed', text: 'HTTP 500' }],
  [404, { kind: 'failed', text: 'HTTP 404' }],
  [410, { kind: 'gone', text: 'HTTP 410' }],
])('an answer of %d is %j', async (status, answer) => {
  await using receiver = await startReceiver(response => response.writeHead(status).end('a secret'));
  expect(await sendTo(`http://127.0.0.1:${receiver.port}/`)).toEqual(answer);
});

test('a redirect is a failure, and is not followed', async () => {
  await using inside = await startReceiver();
  const location = `http://127.0.0.1:${inside.port}/`;
  await using receiver = await startReceiver(response => response.writeHead(301, { location }).end());
  expect(await sendTo(`http://127.0.0.1:${receiver.port}/`)).toEqual({
    kind: 'failed',
    text: 'HTTP 301: redirects are not followed',
  });
  expect(inside.received).toEqual([]);
});

test('of an endless answer little is read, and its status counts', async () => {
  let sent = 0;
  await using receiver = await startReceiver(response => {
    response.writeHead(200);
    const more = () => {
      for (sent += 1; response.write('x'.repeat(65_536)) && sent < 100_000; sent += 1);
    };
    response.on('drain', more);
    more();
  });
  expect(await sendTo(`http://127.0.0.1:${receiver.port}/`)).toEqual({ kind: 'delivered', text: 'HTTP 200' });
  expect(sent).toBeLessThan(1_000);
});

test('an endpoint that says nothing has 20 seconds, and one that stops in the middle of a 2xx has it', {
  tags: ['slow'],
}, async () => {
  await using silent = await startReceiver(() => undefined);
  await using slow = await startReceiver(response => response.writeHead(200).write('x'));
  const beganMs = performance.now();
  const answers = await Promise.all([silent, slow].map(({ port }) => sendTo(`http://127.0.0.1:${port}/`)));
  expect(answers).toEqual([
    { kind: 'failed', text: 'no answer within 20 s' },
    { kind: 'delivered', text: 'HTTP 200' },
  ]);
  expect(performance.now() - beganMs).toBeLessThan(25_000);
});

test('what is not HTTP, and what is not there, is a failure', async () => {
  const server = createServer(socket => socket.end('+OK POP3 server ready\r\n'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  expect(await sendTo(`http://127.0.0.1:${port}/`)).toMatchObject({ kind: 'failed' });
  server.close();
  expect(await sendTo(`http://127.0.0.1:${await freePort()}/`)).toEqual({
    kind: 'failed',
    text: 'connection refused (ECONNREFUSED)',
  });
  expect(await sendTo('https://name.invalid/', [])).toMatchObject({ kind: 'failed' });
});

test('an internal address is refused where the socket connects: as a name, as an address, however it is written', async () => {
  await using receiver = await startReceiver();
  const { port } = receiver;
  for (const host of [
    'localhost',
    '127.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '2130706433',
    '0x7f.1',
  ])
    expect(await sendTo(`https://${host}:${port}/`, ['hooks.internal']), host).toEqual({
      kind: 'failed',
      text: expect.stringMatching(/^\S+ is in an internal network, and is not listed$/),
    });
  // The address that a name has is listed, and then the name.
  for (const listed of [['127.0.0.0/8'], ['localhost']])
    expect((await sendTo(`https://localhost:${port}/`, listed)).text).not.toContain('internal');
  expect(receiver.received).toEqual([]);
  expect(await sendTo(`http://localhost:${port}/`, ['127.0.0.1'])).toEqual({
    kind: 'failed',
    text: 'localhost is not listed: it is asked by https:// alone',
  });
  expect(await sendTo(`http://localhost:${port}/`, ['localhost'])).toMatchObject({ kind: 'delivered' });
});

test('a certificate has to be of one who is trusted, and of the host', async ({ onTestFinished }) => {
  const folder = await mkdtemp(join(tmpdir(), 'webhook-'));
  const trusted = getCACertificates('default');
  onTestFinished(async () => {
    setDefaultCACertificates(trusted);
    await rm(folder, { recursive: true });
  });
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert],
  ]);
  const tls = { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  await using receiver = await startReceiver(undefined, { tls });
  const [byName, byAddress] = ['localhost', '127.0.0.1'].map(host => `https://${host}:${receiver.port}/`);
  const listed = ['127.0.0.1', 'localhost'];
  expect(await sendTo(byName ?? '', listed)).toEqual({
    kind: 'failed',
    text: expect.stringMatching(/self-signed/),
  });
  setDefaultCACertificates([...trusted, tls.cert]);
  expect(await sendTo(byName ?? '', listed)).toEqual({ kind: 'delivered', text: 'HTTP 204' });
  expect(await sendTo(byAddress ?? '', listed)).toEqual({
    kind: 'failed',
    text: expect.stringMatching(/altnames/),
  });
  expect(receiver.messages()).toHaveLength(1);
});

test('a message that is given up on the way is no failure of the endpoint', async () => {
  const closing = new AbortController();
  await using receiver = await startReceiver(() => closing.abort(new Error('closing')));
  await expect(sendTo(`http://127.0.0.1:${receiver.port}/`, undefined, closing.signal)).rejects.toThrow(
    'closing',
  );
});
