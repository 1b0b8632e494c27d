import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { startProxy } from '../../support/proxy.ts';
import { program } from '../../support/session.ts';
import { test } from '../../support/session-test.ts';
import { type Receiver, startReceiver, WEBHOOK_SECRET } from '../../webhook/support/receiver.ts';

/** A path that is a secret, as those of many receivers are. */
const PATH = '/hooks/T0000/hunter2';

const toldTo = (port: number) => ({
  SESSION_WEBHOOK_URL: `http://localhost:${port}${PATH}`,
  SESSION_WEBHOOK_SECRET: WEBHOOK_SECRET,
});

const playing = { SESSION_AGENT_COMMAND: program('agent-runs') };

const typesIn = (receiver: Receiver) => receiver.messages().map(({ type }) => type);

const messageIn = (receiver: Receiver, type: string) =>
  receiver.messages().find(message => message.type === type);

describe.concurrent('a webhook', () => {
  test('is told when a session starts, can be joined, and has ended, with its report', async ({
    fixture,
  }) => {
    await using receiver = await startReceiver();
    const session = fixture.start({
      ...toldTo(receiver.port),
      SESSION_LABELS: '{"worker": "Ada Lovelace"}',
      SESSION_REPORT_NAMES: '1',
    });
    expect((await session.ended()).code).toBe(0);
    expect(typesIn(receiver).toSorted()).toEqual(['session.ended', 'session.ready', 'session.started']);
    const { run, end } = session.report();
    const of = { session: 'test', run, world: null, requestedAt: expect.any(String) };
    const nothing = { exitCode: null, saved: null, peakPeople: null, endedAt: null, durationSeconds: null };
    expect(messageIn(receiver, 'session.started')).toMatchObject({
      timestamp: expect.any(String),
      data: { ...of, ...nothing, phase: 'starting', readyAt: null },
    });
    expect(messageIn(receiver, 'session.ready')).toMatchObject({
      data: { ...of, ...nothing, phase: 'ready', readyAt: expect.any(String) },
    });
    expect(messageIn(receiver, 'session.ended')).toMatchObject({
      data: {
        ...{ ...of, phase: 'ended', readyAt: expect.any(String), endedAt: expect.any(String), exitCode: 0 },
        ...{ saved: 'archive', peakPeople: 0, durationSeconds: expect.any(Number) },
        report: { session: 'test', run, end, archive: { key: 'test/logs.tar.gz' } },
      },
    });
    const [{ headers } = { headers: {} }] = receiver.received;
    expect(headers).toMatchObject({ 'user-agent': 'craftassist-session' });
    expect(JSON.stringify(receiver.received)).not.toMatch(/Ada|"names"/);
  });

  test('is told what is not saved, and how to recover it', async ({ fixture }) => {
    await using receiver = await startReceiver();
    const session = fixture.start({
      ...toldTo(receiver.port),
      SESSION_AGENT_COMMAND: program('agent-writes-files'),
      SESSION_JOURNAL_INTERVAL: '100ms',
    });
    const journal = join(fixture.sessions, '.sessions/test/journal');
    await eventually(async () => (await readdir(journal)).some(name => name.endsWith('.tar.gz')));
    await session.logged('"event":"server_ready"');
    await rename(fixture.workdir, `${fixture.workdir}-away`);
    session.signal('SIGTERM');
    expect((await session.ended()).code, session.stdout()).toBe(21);
    const { recover } = session.report();
    const data = { phase: 'ended', saved: 'journal', exitCode: 21 };
    expect(messageIn(receiver, 'session.unsaved')).toMatchObject({ data: { ...data, recover } });
    expect(recover).toContain('craftassist-session recover ');
    expect(messageIn(receiver, 'session.ended')).toMatchObject({ data: { ...data, report: { recover } } });
  });

  test('is told that a session has failed that nobody could join', async ({ fixture }) => {
    await using receiver = await startReceiver();
    const server = program('server-exits-early');
    const session = fixture.start({ ...toldTo(receiver.port), SESSION_SERVER_COMMAND: server });
    expect((await session.ended()).code).toBe(10);
    expect(typesIn(receiver).toSorted()).toEqual(['session.ended', 'session.started']);
    expect(messageIn(receiver, 'session.ended')).toMatchObject({
      data: { phase: 'failed', readyAt: null, exitCode: 10, saved: 'archive', peakPeople: null },
    });
  });

  test('that answers 500 first is told again, with the same id', async ({ fixture }) => {
    let answers = 0;
    await using receiver = await startReceiver(response => {
      answers += 1;
      response.writeHead(answers === 1 ? 500 : 204).end();
    });
    const session = fixture.start(toldTo(receiver.port));
    expect((await session.ended()).code).toBe(0);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(3);
    expect(session.stdout()).toContain('"event":"webhook_retry"');
    expect(session.stdout()).toContain('"event":"webhook_recovered"');
    expect(session.stdout()).not.toContain('webhook_undelivered');
  });

  test('that is away until the end is told everything then', async ({ fixture }) => {
    const port = await freePort();
    const session = fixture.start({ ...toldTo(port), ...playing });
    await session.logged('"event":"server_ready"');
    await session.logged('"event":"webhook_retry"');
    await using receiver = await startReceiver(undefined, { port });
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(typesIn(receiver).toSorted()).toEqual(['session.ended', 'session.ready', 'session.started']);
  });

  test('that is never there costs a line for each event, and a few seconds', async ({ fixture }) => {
    const session = fixture.start(toldTo(await freePort()));
    expect((await session.ended()).code).toBe(0);
    const undelivered = session.stdout().match(/"event":"webhook_undelivered".*ECONNREFUSED/g);
    expect(undelivered).toHaveLength(3);
    expect(session.stdout().match(/webhook_retry/g)).toHaveLength(1);
    expect(session.report().saved).toBe('archive');
  });

  test('that hangs holds a stopped session up for a few seconds, and no longer', async ({ fixture }) => {
    await using receiver = await startReceiver(() => undefined);
    const session = fixture.start({ ...toldTo(receiver.port), ...playing });
    await session.logged('"event":"server_ready"');
    await eventually(() => receiver.received.length === 2);
    session.signal('SIGTERM');
    await session.logged('"event":"report_saved"');
    const savedMs = performance.now();
    expect((await session.ended()).code).toBe(0);
    expect(performance.now() - savedMs).toBeLessThan(8_000);
    expect(session.stdout().match(/"event":"webhook_undelivered".*not answered in time/g)).toHaveLength(3);
    expect(session.report().saved).toBe('archive');
  });

  test('that hangs leaves a short stop timeout as it is', { tags: ['slow'] }, async ({ fixture }) => {
    await using receiver = await startReceiver(() => undefined);
    const env = { ...toldTo(receiver.port), ...playing, SESSION_STOP_TIMEOUT: '5s' };
    const session = fixture.start(env);
    await session.logged('"event":"server_ready"');
    const stoppedMs = performance.now();
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(performance.now() - stoppedMs).toBeLessThan(5_000);
    expect(session.report().saved).toBe('archive');
  });

  test('that answers 410 is told nothing more', async ({ fixture }) => {
    await using receiver = await startReceiver(response => void response.writeHead(410).end());
    const session = fixture.start({ ...toldTo(receiver.port), ...playing });
    await session.logged('"event":"webhook_undelivered"');
    await session.logged('"event":"server_ready"');
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(receiver.received.length).toBeLessThan(3);
    expect(session.stdout().match(/webhook_undelivered/g)).toHaveLength(3);
  });

  test('is asked by http:// in no address of the internet', async ({ fixture }) => {
    const session = fixture.start({ ...toldTo(1), SESSION_WEBHOOK_URL: 'http://93.184.215.14/hunter2' });
    await session.ended();
    expect(session.stdout()).toContain('the host is in the internet');
    expect(session.stdout()).not.toContain('93.184.215.14');
  });
});

test('by https:// goes through the proxy, and so does a heartbeat', async ({ fixture }) => {
  await using proxy = await startProxy({ to: { port: 1 }, credentials: 'user:hunter3' });
  const session = fixture.start({
    SESSION_WEBHOOK_URL: 'https://hooks.invalid/',
    SESSION_WEBHOOK_SECRET: WEBHOOK_SECRET,
    SESSION_HEARTBEAT_URL: 'https://beats.invalid:8443/',
    HTTPS_PROXY: proxy.url.replace('//', '//user:wrong@'),
  });
  expect((await session.ended()).code).toBe(0);
  expect(proxy.requests).toContain('CONNECT hooks.invalid:443');
  expect(proxy.requests).toContain('CONNECT beats.invalid:8443');
  expect(session.stdout()).toContain('407 Proxy Authentication Required');
  expect(session.stdout()).not.toMatch(/user|wrong|\.invalid/);
});
