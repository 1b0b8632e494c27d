/** @module-tag slow */

import parse from 'parse-prometheus-text-format';
import { expect, test } from 'vitest';
import type { LaunchResult } from '../../src/servermgr/fleet/fleet.ts';
import { createMilestones } from '../../src/servermgr/fleet/milestones.ts';
import { type SessionView, viewOfReport } from '../../src/servermgr/fleet/view.ts';
import { type Launcher, NoCapacityError } from '../../src/servermgr/launchers/launcher.ts';
import { countedLauncher } from '../../src/servermgr/metrics/counted-launcher.ts';
import { nameOf, visitorHash } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { startReceiver } from '../webhook/support/receiver.ts';
import { ADMIN_TOKEN, createManagerFixture, supervisorCommand } from './support/manager.ts';
import { startPostgres } from './support/postgres.ts';
import { startProgram } from './support/program.ts';
import { basic, idIn, newVisitor } from './support/visitor.ts';
import { startWebApp } from './support/web-app.ts';
import { hookVariables } from './support/webhook-parts.ts';

const TOKEN = 'a-token-of-prometheus';
const WITH_TOKEN = { SERVERMGR_METRICS_TOKEN: TOKEN };

function ask(url: string, authorization = `Bearer ${TOKEN}`, headers = {}): Promise<Response> {
  return fetch(`${url}/metrics`, { headers: { authorization, ...headers } });
}

/** The value of a metric, or of one of its labels; undefined: there is none. */
async function valuesOf(url: string) {
  const text = await (await ask(url)).text();
  const metrics = parse(text);
  const samples = (name: string) => metrics.find(metric => metric.name === name)?.metrics ?? [];
  return {
    text,
    metrics,
    sample: (name: string) => samples(name)[0],
    value(name: string, label?: string): number | undefined {
      const found = samples(name).find(({ labels }) => label === Object.values(labels ?? {})[0]);
      return found?.value === undefined ? undefined : Number(found.value);
    },
  };
}

test.concurrent('/metrics is not there without a token, and takes its own bearer token alone', async () => {
  await using without = await startWebApp({});
  expect((await ask(without.url)).status).toBe(404);
  await using app = await startWebApp({}, { ...WITH_TOKEN, SERVERMGR_BASE_PATH: '/play' });
  const right = await ask(app.url);
  expect([right.status, right.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  for (const wrong of ['', basic(TOKEN), `Bearer ${ADMIN_TOKEN}`, `Bearer ${TOKEN}x`]) {
    const answer = await ask(app.url, wrong);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="Craftassist fleet"',
    ]);
  }
  // Nor is it good for anything else.
  expect((await fetch(`${app.url}/admin`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(
    401,
  );
});

test.concurrent('who guesses tokens is refused for a while, with the right one as well, and is logged', async () => {
  await using app = await startWebApp({}, { ...WITH_TOKEN, SERVERMGR_TRUSTED_PROXIES: '1' });
  const from = (address: string) => ({ 'x-forwarded-for': address });
  for (let index = 0; index < 12; index += 1) await ask(app.url, `Bearer guess-${index}`, from('10.0.0.1'));
  const refused = await ask(app.url, undefined, from('10.0.0.1'));
  expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
  expect((await ask(app.url, undefined, from('10.0.0.2'))).status).toBe(200);
  expect(app.lines()).toContainEqual(
    expect.objectContaining({ event: 'wrong_admin_password', network: '10.0.0.1' }),
  );
  expect(JSON.stringify(app.lines())).not.toContain('guess-');
});

test.concurrent('metrics follow a session from its launch to its end', async () => {
  await using receiver = await startReceiver();
  await using fixture = await createManagerFixture({
    ...WITH_TOKEN,
    ...hookVariables(receiver.port),
    ...{ SERVERMGR_BUDGET_PER_DAY: '100', SERVERMGR_SESSION_COST: '0.5' },
  });
  const { url } = await fixture.startManager();
  const before = await valuesOf(url);
  expect(before.value('servermgr_sessions', 'ready')).toBe(0);
  expect(before.value('servermgr_fleet_limit')).toBe(4);
  expect(before.value('servermgr_observer')).toBe(1);
  expect(before.value('servermgr_budget_dollars')).toBe(100);
  expect(before.value('servermgr_budget_spent_dollars')).toBe(0);
  const visitor = newVisitor(url);
  const id = idIn(await visitor.launch());
  await newVisitor(url).launch({ world: 'nowhere' });
  // Held until it is cancelled: a response that nobody holds any more is ended with its connection.
  const events = await fetch(`${url}/events?q=${id}`);
  let ready = before;
  await eventually(async () => {
    ready = await valuesOf(url);
    return ready.value('servermgr_sessions', 'ready') === 1;
  });
  expect(ready.value('servermgr_launches_total', 'launched')).toBe(1);
  expect(ready.value('servermgr_launches_total', 'unknown-world')).toBe(1);
  expect(ready.value('servermgr_event_streams')).toBe(1);
  expect(ready.value('servermgr_launches_possible')).toBe(1);
  expect(ready.value('servermgr_budget_spent_dollars')).toBeGreaterThan(0);
  await eventually(
    async () => (await valuesOf(url)).sample('servermgr_launch_duration_seconds')?.count === '1',
  );
  await events.body?.cancel();
  await fixture.endSession(id);
  let over = ready;
  await eventually(async () => {
    over = await valuesOf(url);
    return over.value('servermgr_webhook_deliveries', 'delivered') === 3;
  });
  expect(over.value('servermgr_sessions_ended_total', 'itself')).toBe(1);
  expect(over.value('servermgr_sessions', 'ready')).toBe(0);
  expect(Number(over.sample('servermgr_launch_duration_seconds')?.sum)).toBeGreaterThan(0);
  await eventually(async () => (await valuesOf(url)).value('servermgr_event_streams') === 0);

  // What it says of nobody.
  for (const { name, help, type, metrics } of over.metrics) {
    expect(name).toMatch(/^(servermgr|process|nodejs)_[a-z0-9_]+$/);
    if (!name.startsWith('servermgr_')) continue;
    expect(help, name).toMatch(/(Of the whole fleet: every instance says the same|This instance's own)/);
    expect(name.endsWith('_total'), name).toBe(type === 'COUNTER');
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|cents)$/);
    for (const { labels = {} } of metrics) {
      for (const [label, value] of Object.entries(labels)) {
        expect(['phase', 'result', 'reason', 'operation', 'state']).toContain(label);
        expect(value).toMatch(/^[a-z-]{1,20}$/);
      }
    }
  }
  expect(over.metrics.map(({ name }) => name)).toContain('process_resident_memory_bytes');
  for (const secret of [
    id,
    nameOf(id),
    '127.0.0.1',
    'flat_world',
    visitorHash([...visitor.cookies.values()][0] ?? ''),
  ])
    expect(over.text).not.toContain(secret);
});

test.concurrent('a session that nobody could join, and what was stopped, are counted apart', async () => {
  await using fixture = await createManagerFixture({
    ...WITH_TOKEN,
    SERVERMGR_SUPERVISOR: supervisorCommand('--crash'),
  });
  const { url } = await fixture.startManager();
  await newVisitor(url).launch();
  await eventually(async () => (await valuesOf(url)).value('servermgr_sessions_ended_total', 'failed') === 1);
  const values = await valuesOf(url);
  expect(values.sample('servermgr_launch_duration_seconds')?.count).toBe('0');
  expect(values.value('servermgr_budget_dollars')).toBeUndefined();
  expect(values.value('servermgr_budget_spent_dollars')).toBeUndefined();
});

test.concurrent('what cannot be known while the database is away is left out, and the rest is there', async () => {
  const paused = async (): Promise<LaunchResult> => ({ kind: 'paused' });
  await using app = await startWebApp(
    { launch: paused, isObserver: () => false, launchFault: () => ({ sinceMs: 0, why: 'a database' }) },
    WITH_TOKEN,
    { counts: () => Promise.reject(new Error('away')) },
  );
  const values = await valuesOf(app.url);
  expect(values.value('servermgr_webhook_deliveries', 'pending')).toBeUndefined();
  expect(values.value('servermgr_launches_possible')).toBe(0);
  expect(values.value('servermgr_observer')).toBe(0);
});

test.concurrent('of two instances one observes; what is of the fleet both say, and each counts its own faults of the database', {
  tags: ['slow'],
}, async () => {
  await using postgres = await startPostgres();
  await using fixture = await createManagerFixture({
    ...{ SERVERMGR_SECRET: 's'.repeat(32), DATABASE_URL: postgres.url, ...WITH_TOKEN },
  });
  await using first = await startProgram(fixture.env, fixture.folder);
  await using second = await startProgram(fixture.env, fixture.folder);
  const both = () => Promise.all([first, second].map(({ url }) => valuesOf(url)));
  const of = async (name: string, label?: string) => (await both()).map(values => values.value(name, label));
  await newVisitor(first.url).launch();
  await eventually(async () => (await of('servermgr_sessions', 'ready')).every(count => count === 1));
  expect((await of('servermgr_observer')).toSorted()).toEqual([0, 1]);
  expect(await of('servermgr_launches_total', 'launched')).toEqual([1, undefined]);
  expect(await of('servermgr_webhook_deliveries', 'pending')).toEqual([0, 0]);
  expect(await of('servermgr_database_faults_total', 'read')).toEqual([undefined, undefined]);
  await postgres.kill();
  await eventually(async () =>
    (await of('servermgr_database_faults_total', 'read')).every(count => (count ?? 0) > 1),
  );
  expect(await of('servermgr_webhook_deliveries', 'pending')).toEqual([undefined, undefined]);
  expect(await of('servermgr_sessions', 'ready')).toEqual([1, 1]);
});

test('faults of a launcher are counted, and neither a lack of capacity nor an end of ours', async () => {
  const faults: string[] = [];
  const refuse = (error: Error) => () => Promise.reject(error);
  const closing = new AbortController();
  const listing = Promise.withResolvers<never>();
  const launcher = countedLauncher(
    {
      kind: 'local',
      pollIntervalMs: () => 1,
      launch: refuse(new NoCapacityError('none')),
      list: () => listing.promise,
      look: refuse(new Error('throttled')),
      stop: refuse(new Error('denied')),
      recover: async () => undefined,
      recovery: async () => undefined,
      remove: async () => undefined,
      close: () => undefined,
    } satisfies Launcher,
    { launcherFault: operation => void faults.push(operation) },
  );
  const never = new AbortController().signal;
  await expect(launcher.launch({} as never)).rejects.toThrow('none');
  await expect(launcher.look([], never)).rejects.toThrow('throttled');
  await expect(launcher.stop({} as never, 'admin')).rejects.toThrow('denied');
  const list = launcher.list(closing.signal);
  closing.abort(new Error('the manager is closing'));
  listing.reject(closing.signal.reason);
  await expect(list).rejects.toThrow('closing');
  expect(faults).toEqual(['look', 'stop']);
});

test('that a session is ready, and that it is over, is told once; of those before the start nothing but what comes', () => {
  const told: string[] = [];
  const milestones = createMilestones(
    { onReady: ({ id }) => void told.push(`${id} ready`), onEnd: ({ id }) => void told.push(`${id} over`) },
    1_000,
  );
  const over = viewOfReport('', 0, undefined);
  const view = (id: string, changes: Partial<SessionView>): SessionView => ({
    ...{ ...over, id, ended: undefined, requestedMs: 2_000, ...changes },
  });
  const { ended } = over;
  milestones.note([
    view('new', {}),
    view('old', { requestedMs: 1, ended }),
    view('runs', { requestedMs: 1, readyMs: 5 }),
  ]);
  milestones.note([view('new', { readyMs: 7 }), view('old', { requestedMs: 1, ended })]);
  milestones.note([view('new', { readyMs: 7, ended }), view('quick', { readyMs: 3, ended })]);
  milestones.note([view('new', { readyMs: 7, ended }), view('quick', { readyMs: 3, ended })]);
  expect(told).toEqual(['new ready', 'new over', 'quick ready', 'quick over']);
});
