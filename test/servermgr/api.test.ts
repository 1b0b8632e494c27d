import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import type { LaunchForm, LaunchResult } from '../../src/servermgr/fleet/fleet.ts';
import { nameOf, newId } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { blocksOf } from '../support/page-commands.ts';
import { ADMIN_TOKEN, createManagerFixture } from './support/manager.ts';
import { basic } from './support/visitor.ts';
import { startWebApp } from './support/web-app.ts';

const TOKEN = { authorization: `Bearer ${ADMIN_TOKEN}` };

test.concurrent('sessions are launched, listed, looked at and ended, by their ids', async () => {
  await using fixture = await createManagerFixture();
  const { call } = client((await fixture.startManager()).url);
  expect((await call('GET', '/sessions')).body).toEqual({ sessions: [] });
  const launched = await call('POST', '/sessions', { world: 'diverse_world' });
  expect([launched.status, launched.body.sessions?.length]).toEqual([201, 1]);
  const { id, page } = firstOf(launched);
  expect(firstOf(launched)).toMatchObject({
    ...{ name: nameOf(id), world: 'diverse_world', page: `/wait?q=${id}`, ended: null },
  });
  const ready = await eventually(async () => {
    const { body } = await call('GET', `/sessions/${id}`);
    return body.phase === 'ready' ? body : undefined;
  });
  expect(ready).toMatchObject({ progress: 100, address: expect.stringMatching(/^localhost:/), people: 0 });
  expect(ready?.version).toBe('1.12.2');
  expect((await call('GET', page, undefined, {}, '')).status).toBe(200);
  const second = firstOf(await call('POST', '/sessions', { world: 'flat_world' }));
  expect((await call('GET', '/sessions')).body.sessions?.map(({ id }) => id)).toEqual([second.id, id]);

  const stopped = await call('DELETE', `/sessions/${id}`);
  expect([stopped.status, stopped.body.id]).toEqual([202, id]);
  const ended = await eventually(async () => {
    const { body } = await call('GET', `/sessions/${id}`);
    return body.ended?.archive ? { body, archive: body.ended.archive } : undefined;
  });
  expect(ended?.body).toMatchObject({
    phase: 'ended',
    ended: { text: 'stopped by an administrator', exitCode: 0 },
  });
  expect(ended?.archive.bytes).toBe(10);
  const archive = await call('GET', ended?.archive.path ?? '', undefined, {}, '');
  expect(archive.text).toBe('an archive');
  expect((await call('DELETE', `/sessions/${id}`)).status).toBe(200);
  expect((await call('GET', `/sessions/${second.id}`)).body.ended).toBeNull();
});

test.concurrent('of a batch all that there is room for is launched, and a repeat by its key is the same', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_FLEET_LIMIT: '3' });
  const { url } = await fixture.startManager();
  const { call } = client(url);
  const order = (count: number, world = 'flat_world') =>
    call('POST', '/sessions', { world, count }, { 'idempotency-key': 'a lesson' });
  const both = await Promise.all([order(2), order(2)]);
  expect(both.map(({ status }) => status)).toEqual([201, 201]);
  const idsOf = ({ body }: Answer): string[] => (body.sessions ?? []).map(({ id }) => id);
  expect(new Set(both.flatMap(idsOf)).size).toBe(2);
  expect(idsOf(await order(2))).toEqual(both[0] && idsOf(both[0]));

  const some = await order(5);
  expect([some.status, some.body.sessions?.length, some.body.missing]).toEqual([
    207,
    3,
    {
      ...{ count: 2, reason: 'full', retryAfterSeconds: 60 },
      message: expect.stringContaining('3 sessions are running'),
    },
  ]);
  expect(idsOf(some).slice(0, 2)).toEqual(idsOf(await order(2)));
  const none = await call('POST', '/sessions', { world: 'flat_world', count: 2 });
  expect([none.status, none.headers.get('retry-after')]).toEqual([503, '60']);
  expect(none.body).toMatchObject({ error: 'full', sessions: [], missing: { count: 2, reason: 'full' } });
  const other = await order(1, 'diverse_world');
  expect([other.status, other.body.error]).toEqual([422, 'key-reused']);
  expect(await fixture.startedCount()).toBe(3);
  // No limit of a network holds here: these came from one address.
  expect((await call('POST', '/sessions', { world: 'nowhere' })).body.error).toBe('unknown-world');
});

test.concurrent('launches come without a network, as many as asked for, each another visitor’s', async () => {
  const forms: LaunchForm[] = [];
  const launch = async (form: LaunchForm): Promise<LaunchResult> => {
    forms.push(form);
    return { kind: 'launched', id: newId(Date.now()) };
  };
  await using app = await startWebApp({ launch });
  const { call } = client(app.url);
  const { status, body } = await call('POST', '/sessions', { world: 'flat_world', count: 100 });
  // The fleet does not show them yet.
  expect([status, body.sessions?.length]).toEqual([201, 100]);
  expect(body.sessions?.[99]).toMatchObject({ phase: 'starting', world: 'flat_world', ended: null });
  expect(new Set(forms.map(({ visitor }) => visitor)).size).toBe(100);
  expect(new Set(forms.map(({ network }) => network))).toEqual(new Set([undefined]));
  for (const { visitor, token } of forms) expect(`${visitor} ${token}`).toMatch(/^[\w-]{22} [\w-]{22}$/);
});

test.concurrent('a launch that fails in the middle loses none of those before it', async () => {
  let count = 0;
  const launch = async (): Promise<LaunchResult> => {
    count += 1;
    if (count > 3) throw new Error('EACCES /secret/path');
    return { kind: 'launched', id: newId(Date.now()) };
  };
  await using app = await startWebApp({ launch });
  const { call } = client(app.url);
  const some = await call('POST', '/sessions', { world: 'flat_world', count: 9 });
  expect([some.status, some.body.sessions?.length, some.body.missing?.count]).toEqual([207, 3, 6]);
  expect(some.body.missing?.reason).toBe('failed');
  const none = await call('POST', '/sessions', { world: 'flat_world' });
  expect([none.status, none.body.error]).toEqual([500, 'failed']);
  expect(some.text + none.text).not.toContain('secret');
  expect(app.lines().filter(({ event }) => event === 'request_failed').length).toBeGreaterThan(1);
});

test.concurrent('only the bearer token counts, and guessing is stopped here and on /admin together', async () => {
  await using app = await startWebApp({}, { SERVERMGR_TRUSTED_PROXIES: '1' });
  const { call } = client(app.url, {});
  const statusOf = async (authorization: string, address: string, prefix = '/api') =>
    (await call('GET', '/openapi.json', undefined, { authorization, 'x-forwarded-for': address }, prefix))
      .status;
  const nobody = await call('GET', '/sessions');
  expect([nobody.status, nobody.body.error]).toEqual([401, 'unauthorized']);
  expect(nobody.headers.get('www-authenticate')).toMatch(/^Bearer /);
  // What a browser sends by itself, and other sites can make it send.
  expect(await statusOf(basic(ADMIN_TOKEN), '10.0.0.1')).toBe(401);
  expect(await statusOf(`Bearer ${ADMIN_TOKEN}`, '10.0.0.1')).toBe(200);
  for (let index = 0; index < 10; index += 1)
    expect(await statusOf(`Bearer guess-${index}`, '10.0.0.1')).toBe(401);
  expect(await statusOf(`Bearer ${ADMIN_TOKEN}`, '10.0.0.1')).toBe(429);
  const admin = await fetch(`${app.url}/admin`, { headers: { ...TOKEN, 'x-forwarded-for': '10.0.0.1' } });
  expect(admin.status).toBe(429);
  expect(await statusOf(`Bearer ${ADMIN_TOKEN}`, '10.0.0.2')).toBe(200);
  expect(app.lines().filter(({ event }) => event === 'wrong_admin_password')).toEqual([
    expect.objectContaining({ network: '10.0.0.1', count: 1 }),
  ]);
});

test.concurrent('whatever goes wrong below /api is JSON, with a word and a sentence', async () => {
  await using app = await startWebApp({});
  const { call, raw } = client(app.url);
  const faults: [
    method: string,
    path: string,
    body: unknown,
    status: number,
    error: string,
    message: string,
  ][] = [
    ['GET', '', undefined, 404, 'not-found', 'see /api/openapi.json'],
    ['GET', '/', undefined, 404, 'not-found', 'see /api/openapi.json'],
    ['GET', '/nowhere', undefined, 404, 'not-found', 'see /api/openapi.json'],
    ['PUT', '/sessions', { world: 'x' }, 404, 'not-found', 'see /api/openapi.json'],
    ['GET', '/sessions/nobody', undefined, 404, 'not-found', 'there is no session of that id'],
    ['DELETE', `/sessions/${newId(Date.now())}`, undefined, 404, 'not-found', 'there is no session'],
    ['POST', '/sessions', undefined, 400, 'invalid-request', 'body'],
    ['POST', '/sessions', {}, 400, 'invalid-request', 'body lacks world'],
    ['POST', '/sessions', { world: 7 }, 400, 'invalid-request', 'world must be string'],
    ['POST', '/sessions', { world: 'x', count: '2' }, 400, 'invalid-request', 'count must be integer'],
    ['POST', '/sessions', { world: 'x', count: 0 }, 400, 'invalid-request', 'count must be >= 1'],
    ['POST', '/sessions', { world: 'x', count: 101 }, 400, 'invalid-request', 'count must be <= 100'],
    ['POST', '/sessions', { world: 'x', coutn: 2 }, 400, 'invalid-request', 'body has no field coutn'],
    ['POST', '/sessions', { world: 'x'.repeat(9_000) }, 413, 'too-large', 'too large'],
  ];
  for (const [method, path, body, status, error, message] of faults) {
    const answer = await call(method, path, body);
    expect([answer.status, answer.body.error], `${method} ${path}`).toEqual([status, error]);
    expect(answer.body.message).toContain(message);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  expect((await raw('POST', '/sessions', 'world=x', form)).body.error).toBe('unsupported-media-type');
  expect((await raw('POST', '/sessions', '{"world"', { 'content-type': 'application/json' })).body).toEqual({
    error: 'invalid-request',
    message: "Body is not valid JSON but content-type is set to 'application/json'",
  });
  const key = { 'content-type': 'application/json', 'idempotency-key': 'x'.repeat(256) };
  expect((await raw('POST', '/sessions', '{"world":"x"}', key)).body.message).toContain(
    'idempotency-key must',
  );
  expect((await call('GET', '/%zz')).body).toMatchObject({ error: expect.any(String) });
});

test.concurrent('without a token there is no API, and that is said in JSON', async () => {
  await using app = await startWebApp({}, { SERVERMGR_ADMIN_TOKEN: '' });
  const { status, body } = await client(app.url).call('GET', '/sessions');
  expect([status, body.error]).toEqual([404, 'not-found']);
  expect(body.message).toContain('SERVERMGR_ADMIN_TOKEN is not set');
});

test.concurrent('the OpenAPI document names every path below the base path, and every field of an answer', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_BASE_PATH: '/play' });
  const { call } = client((await fixture.startManager()).url);
  const { id, page } = firstOf(await call('POST', '/sessions', { world: 'flat_world' }));
  expect(page).toBe(`/play/wait?q=${id}`);
  const { body, text: written } = await call('GET', '/openapi.json');
  const document = v.parse(OpenApi, body);
  expect(document.openapi).toBe('3.1.0');
  expect(document.security).toEqual([{ token: [] }]);
  const methods = Object.entries(document.paths).map(([path, item]) => [path, Object.keys(item)]);
  expect(Object.fromEntries(methods)).toEqual({
    '/play/api/export/sessions.csv': ['get'],
    '/play/api/export/sessions.json': ['get'],
    '/play/api/export/studies/{number}/participations.csv': ['get'],
    '/play/api/export/studies/{number}/participations.json': ['get'],
    '/play/api/sessions': ['post', 'get'],
    '/play/api/sessions/{id}': ['get', 'delete'],
  });
  const scopes = Object.values(document.paths).flatMap(item =>
    Object.values(item).map(({ security }) => security),
  );
  expect(scopes).toHaveLength(8);
  for (const scope of scopes)
    expect(scope).toEqual([{ token: [expect.stringMatching(/^(sessions:\w+|export)$/)] }]);
  for (const [, name = ''] of written.matchAll(/"#\/components\/schemas\/([^"]*)"/g))
    expect(Object.keys(document.components.schemas)).toContain(name);
  expect(written).not.toContain('"Session#"');
  const { body: session } = await call('GET', `/sessions/${id}`);
  const { properties } = document.components.schemas.Session ?? {};
  expect(Object.keys(session).toSorted()).toEqual(Object.keys(properties ?? {}).toSorted());
  const launch = document.paths['/play/api/sessions']?.post;
  expect(launch?.parameters).toEqual([expect.objectContaining({ in: 'header', name: 'idempotency-key' })]);
  expect(Object.keys(launch?.responses ?? {})).toEqual(['201', '207', '4XX', '5XX']);
});

test.concurrent('the commands of docs/servermgr-api.md do what it says', async () => {
  const blocks = blocksOf('sh', 'docs/servermgr-api.md');
  const [settings = '', launch = '', list = '', one = '', stop = ''] = blocks;
  expect(settings).toMatch(/^export SERVERMGR=\S+ TOKEN=\S+\n$/);
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const type = async (command: string, ID = '') => {
    const env = { PATH: process.env.PATH ?? '', SERVERMGR: url, TOKEN: ADMIN_TOKEN, ID };
    const child = spawn('bash', ['-euc', command], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return JSON.parse(output);
  };
  const { sessions } = await type(launch);
  expect(sessions).toHaveLength(2);
  expect((await type(launch)).sessions.map(({ id }: { id: string }) => id)).toEqual(
    sessions.map(({ id }: { id: string }) => id),
  );
  expect((await type(list)).sessions).toHaveLength(2);
  const [{ id }] = sessions;
  expect((await type(one, id)).name).toBe(nameOf(id));
  expect((await type(stop, id)).id).toBe(id);
  await eventually(async () => (await type(one, id)).ended?.text === 'stopped by an administrator');
});

const Session = v.looseObject({
  ...{ id: v.string(), name: v.string(), page: v.string(), phase: v.string() },
  version: v.nullish(v.string()),
  ended: v.nullable(
    v.looseObject({
      text: v.nullable(v.string()),
      archive: v.nullable(v.object({ path: v.string(), bytes: v.number() })),
    }),
  ),
});

/** Of an answer what the tests look at. */
const Body = v.looseObject({
  ...v.partial(Session).entries,
  sessions: v.optional(v.array(Session)),
  error: v.optional(v.string()),
  message: v.optional(v.string()),
  missing: v.optional(v.looseObject({ count: v.number(), reason: v.string() })),
});

/** Of the document. */
const OpenApi = v.looseObject({
  paths: v.record(
    v.string(),
    v.record(
      v.string(),
      v.looseObject({
        security: v.unknown(),
        parameters: v.optional(v.unknown()),
        responses: v.record(v.string(), v.unknown()),
      }),
    ),
  ),
  components: v.object({
    schemas: v.record(
      v.string(),
      v.looseObject({ properties: v.optional(v.record(v.string(), v.unknown())) }),
    ),
  }),
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Empty unless it is JSON. */
  readonly body: v.InferOutput<typeof Body>;
}

/** @throws when it tells of no session */
function firstOf({ body, text: written }: Answer): v.InferOutput<typeof Session> {
  const [first] = body.sessions ?? [];
  if (first === undefined) throw new Error(`there is no session in ${written}`);
  return first;
}

/** A program that uses the API. */
function client(url: string, credentials: Record<string, string> = TOKEN) {
  async function raw(
    method: string,
    path: string,
    body: string | undefined,
    headers: Record<string, string>,
    prefix = '/api',
  ): Promise<Answer> {
    const init = { method, headers: { ...credentials, ...headers }, ...(body !== undefined && { body }) };
    const answer = await fetch(`${url}${prefix}${path}`, init);
    const written = await answer.text();
    const isJson = answer.headers.get('content-type')?.startsWith('application/json');
    const parsed = v.parse(Body, isJson ? JSON.parse(written) : {});
    return { status: answer.status, headers: answer.headers, text: written, body: parsed };
  }

  return {
    raw,
    call: (
      method: string,
      path: string,
      body?: unknown,
      headers: Record<string, string> = {},
      prefix = '/api',
    ) =>
      body === undefined
        ? raw(method, path, undefined, headers, prefix)
        : raw(method, path, JSON.stringify(body), { 'content-type': 'application/json', ...headers }, prefix),
  };
}
