/** @module-tag slow */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { LINE_FORMAT } from '../../../src/runtime/log.ts';
import { createProlific, type ProlificOptions } from '../../../src/servermgr/studies/prolific.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy } from '../../support/proxy.ts';
import { type ProlificTrouble, startProlificServer } from '../support/prolific-server.ts';

const TOKEN = 'prolific-token-of-the-tests';
const ids = { participant: '5a9d64f5', study: '60d9aade', submission: '625d4a83' };
const [submission, present] = [ids.submission, { participant: ids.participant, study: ids.study }];
const never = new AbortController().signal;

/** Prolific, a client of it, and what the client logs. */
async function setUp(options: Partial<ProlificOptions> = {}) {
  const server = await startProlificServer(TOKEN);
  const lines: string[] = [];
  const log = pino({ ...LINE_FORMAT, level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const prolific = createProlific({ token: TOKEN, url: server.url, log, ...options });
  server.put(submission, { ...present, status: 'ACTIVE' });
  return {
    ...{ server, prolific, lines },
    check: (changes: Partial<typeof ids> = {}, signal = never) =>
      prolific.check({ ...ids, ...changes }, signal),
    events: () => lines.map(line => `${JSON.parse(line).event} ${JSON.parse(line).level}`),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test('whom Prolific has in the study is confirmed, and nobody else', async () => {
  await using it = await setUp();
  expect(await it.check()).toBe('confirmed');
  expect(await it.check({ participant: '5a9d64f6' })).toBe('refused');
  expect(await it.check({ study: '60d9aadf' })).toBe('refused');
  expect(await it.check({ submission: 'made0up' })).toBe('refused');
  expect(it.server.asked).toEqual([submission, submission, submission, 'made0up']);
  expect(it.lines).toEqual([]);
});

test('a study that is a part of another goes by the id of either', async () => {
  await using it = await setUp();
  it.server.put(submission, { ...present, study: 'part', parentStudy: ids.study, status: 'ACTIVE' });
  expect(await it.check()).toBe('confirmed');
  expect(await it.check({ study: 'part' })).toBe('confirmed');
  expect(await it.check({ study: 'other' })).toBe('refused');
});

test.each([
  ['RESERVED', 'confirmed', 'active'],
  ['ACTIVE', 'confirmed', 'active'],
  ['AWAITING REVIEW', 'refused', 'done'],
  ['AWAITING_REVIEW', 'refused', 'done'],
  ['APPROVED', 'refused', 'done'],
  ['PARTIALLY APPROVED', 'refused', 'done'],
  ['REJECTED', 'refused', 'done'],
  ['SCREENED OUT', 'refused', 'done'],
  ['RETURNED', 'refused', 'returned'],
  ['TIMED-OUT', 'refused', 'timed-out'],
  ['TIMED OUT', 'refused', 'timed-out'],
  ['SOMETHING NEW', 'unknown', 'unknown'],
  ['constructor', 'unknown', 'unknown'],
])('a submission that is %s is %s, and its stage is %s', async (status, checked, stage) => {
  await using it = await setUp();
  it.server.put(submission, { ...present, status });
  expect(await it.check()).toBe(checked);
  expect(await it.prolific.status(submission, never)).toBe(stage);
});

test('the stage of a submission that Prolific does not have is unknown', async () => {
  await using it = await setUp();
  expect(await it.prolific.status('made0up', never)).toBe('unknown');
  // An id that Prolific takes for none.
  it.server.trouble({ body: '{}', status: 400 });
  expect(await it.check()).toBe('refused');
});

test.each<[string, ProlificTrouble]>([
  ['closes the connection', 'away'],
  ['is down', 'down'],
  ['throttles', { retryAfter: '0' }],
  ['answers a page', { body: '<!doctype html><h1>Maintenance</h1>' }],
  ['answers nothing', { body: '' }],
  ['answers a list', { body: '[]' }],
  ['answers something else', { body: '{"results": []}' }],
  [
    'names no participant',
    { body: `{"id": "${submission}", "status": "ACTIVE", "study_id": "${ids.study}", "participant": null}` },
  ],
  [
    'names no study',
    { body: `{"id": "${submission}", "status": "ACTIVE", "participant": "${ids.participant}"}` },
  ],
  [
    'has a number for a status',
    { body: `{"id": "${submission}", "status": 1, "participant": "a", "study": "b"}` },
  ],
  ['does not end', 'endless'],
  ['fails', { body: 'Error', status: 500 }],
  ['has nothing to say', { body: '', status: 204 }],
])('where it %s nothing is known, and that is told once, until it answers again', async (_, trouble) => {
  await using it = await setUp();
  it.server.trouble(trouble);
  expect(await it.check()).toBe('unknown');
  expect(await it.prolific.status(submission, never)).toBe('unknown');
  expect(it.server.requestCount()).toBe(2);
  expect(it.events()).toEqual(['prolific_away warn']);
  it.server.trouble(undefined);
  expect(await it.check()).toBe('confirmed');
  it.server.trouble(trouble);
  expect(await it.check()).toBe('unknown');
  expect(it.events()).toEqual(['prolific_away warn', 'prolific_back info', 'prolific_away warn']);
});

test('where nobody listens nothing is known', async () => {
  await using it = await setUp({ url: 'http://127.0.0.1:1' });
  expect(await it.check()).toBe('unknown');
  expect(JSON.parse(it.lines[0] ?? '').err.message).toContain('ECONNREFUSED');
});

test('an answer that does not end is not read to the time limit', async () => {
  await using it = await setUp();
  it.server.trouble('endless');
  expect(await it.check()).toBe('unknown');
  expect(JSON.parse(it.lines[0] ?? '').err.message).toBe('the answer is larger than 262144 bytes');
});

test('fields that it has besides, or by the names that lists have, do no harm', async () => {
  await using it = await setUp();
  const answer = { id: submission, status: 'ACTIVE', participant_id: ids.participant, study: ids.study };
  it.server.trouble({
    body: JSON.stringify({ ...answer, parent_study_id: { id: 1 }, ip: null, more: [{}] }),
  });
  expect(await it.check()).toBe('confirmed');
  // A submission that was not asked for.
  it.server.trouble({ body: JSON.stringify({ ...answer, id: 'another' }) });
  expect(await it.check()).toBe('refused');
});

test('it is waited for 5 s, those that wait for their turn included, and not much longer', {
  tags: ['slow'],
}, async () => {
  await using it = await setUp();
  it.server.trouble('hangs');
  const startMs = performance.now();
  const checks = await Promise.all(Array.from({ length: 12 }, () => it.check()));
  const tookMs = performance.now() - startMs;
  expect(new Set(checks)).toEqual(new Set(['unknown']));
  expect(tookMs).toBeGreaterThan(4_900);
  expect(tookMs).toBeLessThan(8_000);
  it.server.trouble(undefined);
  expect(await it.check()).toBe('confirmed');
});

test('five are asked about at once, the others wait for their turn', async () => {
  await using it = await setUp();
  it.server.trouble('hangs');
  const checks = Array.from({ length: 23 }, () => it.check());
  await eventually(() => it.server.requestCount() === 5);
  it.server.trouble(undefined);
  it.server.letGo();
  expect(await Promise.all(checks)).toEqual(checks.map(() => 'confirmed'));
  expect(it.server.mostAtOnce()).toBe(5);
  expect(it.server.requestCount()).toBe(23);
});

test.each([
  ['seconds', () => '30'],
  ['a date', () => new Date(Date.now() + 30_000).toUTCString()],
  ['a very long time', () => '99999999999'],
  ['nothing', () => undefined],
])('while it asks to be left alone, by %s, it is', async (_, retryAfter) => {
  await using it = await setUp();
  it.server.trouble({ retryAfter: retryAfter() });
  expect(await it.check()).toBe('unknown');
  it.server.trouble(undefined);
  expect(await it.check()).toBe('unknown');
  expect(await it.prolific.status(submission, never)).toBe('unknown');
  expect(it.server.requestCount()).toBe(1);
});

test('it is asked again when the time that it asked for is over, and without one after a wait that doubles', async () => {
  await using it = await setUp();
  it.server.trouble({ retryAfter: '1' });
  const startMs = performance.now();
  expect(await it.check()).toBe('unknown');
  it.server.trouble(undefined);
  await eventually(async () => (await it.check()) === 'confirmed');
  expect(performance.now() - startMs).toBeGreaterThan(990);
  it.server.trouble({ retryAfter: undefined });
  await eventually(async () => {
    await it.check();
    return it.server.requestCount() === 4;
  });
  const againMs = performance.now();
  it.server.trouble(undefined);
  await eventually(async () => (await it.check()) === 'confirmed');
  expect(performance.now() - againMs).toBeGreaterThan(1_900);
});

test.each([401, 403])(
  'a token that is refused with %s is told once, with what to do, and never named',
  async status => {
    await using it = await setUp();
    it.server.trouble({ body: '{}', status });
    expect(await it.check()).toBe('unknown');
    expect(await it.prolific.status(submission, never)).toBe('unknown');
    expect(it.events()).toEqual(['prolific_refuses error']);
    expect(JSON.parse(it.lines[0] ?? '').status).toBe(status);
  },
);

test('no token is in the log, whatever is wrong with it or with Prolific', async () => {
  for (const token of ['another-token-of-the-tests', `${TOKEN}\nx`]) {
    await using it = await setUp({ token });
    expect(await it.check()).toBe('unknown');
    it.server.trouble('away');
    expect(await it.check()).toBe('unknown');
    expect(it.lines.length).toBeGreaterThan(0);
    expect(it.lines.join('')).not.toContain('token-of-the-tests');
    // Nor who takes part.
    expect(it.lines.join('')).not.toContain(ids.participant);
    expect(it.lines.join('')).not.toContain(submission);
  }
});

test('where it leads elsewhere nobody follows: the token goes nowhere else', async () => {
  await using it = await setUp();
  await using elsewhere = await startProlificServer(TOKEN);
  elsewhere.put(submission, { ...present, status: 'ACTIVE' });
  it.server.trouble({ location: `${elsewhere.url}/api/v1/submissions/${submission}/` });
  expect(await it.check()).toBe('unknown');
  expect(elsewhere.requestCount()).toBe(0);
});

test('whoever asks can give up, and so can the whole of servermgr', async () => {
  const closing = new AbortController();
  await using it = await setUp({ signal: closing.signal });
  it.server.trouble('hangs');
  const leaving = new AbortController();
  const left = it.check({}, leaving.signal);
  const other = it.check();
  await eventually(() => it.server.requestCount() === 2);
  leaving.abort(new Error('the visitor left'));
  await expect(left).rejects.toThrow('the visitor left');
  closing.abort(new Error('servermgr ends'));
  await expect(other).rejects.toThrow('servermgr ends');
  await expect(it.check()).rejects.toThrow('servermgr ends');
  expect(it.lines).toEqual([]);
});

test('it is asked through the proxy of the network, where there is one', async () => {
  // Prolific by a name that this machine does not know: only the proxy leads to it.
  const answer = { id: submission, status: 'ACTIVE', participant: ids.participant, study_id: ids.study };
  await using behind = await startJsonServer(answer);
  await using proxy = await startProxy({ to: behind });
  const config = { http: proxy.url, https: undefined, except: [] };
  await using it = await setUp({ url: 'http://prolific.test', proxy: config });
  expect(await it.check()).toBe('confirmed');
  expect(proxy.requests).toEqual([`GET http://prolific.test/api/v1/submissions/${submission}/`]);
});

async function startJsonServer(answer: unknown) {
  const server = createServer((_, response) => response.end(JSON.stringify(answer)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
