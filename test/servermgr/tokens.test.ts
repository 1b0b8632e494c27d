import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, createManagerFixture } from './support/manager.ts';
import { basic, hiddenFields, newVisitor, type Visitor } from './support/visitor.ts';
import { startWebApp } from './support/web-app.ts';

const asAdmin = { authorization: basic(ADMIN_TOKEN) };

test.concurrent('a token is shown once, may do what it was made for, and nothing once it is withdrawn', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const admin = newVisitor(url, asAdmin);
  const reader = await make(admin, 'the <dashboard>', 'sessions:read');
  const writer = await make(admin, 'the lesson', 'sessions:write');
  const exporter = await make(admin, 'the statistics', 'export');
  const page = await admin.text('/admin/tokens');
  for (const token of [reader, writer, exporter]) {
    expect(token).toMatch(/^smgr_[\w-]{43}$/);
    expect(page).not.toContain(token);
    expect(page).toContain(`<code>${token.slice(0, 12)}…</code>`);
  }
  expect(page).toContain('the &lt;dashboard&gt;');

  const launch = { method: 'POST', body: '{"world":"flat_world"}' };
  expect(await statusOf(url, reader, '/api/sessions')).toBe(200);
  expect(await statusOf(url, reader, '/api/openapi.json')).toBe(200);
  expect(await statusOf(url, reader, '/api/sessions', launch)).toBe(403);
  expect(await statusOf(url, reader, '/api/export/sessions.csv')).toBe(403);
  expect(await statusOf(url, writer, '/api/sessions')).toBe(403);
  expect(await statusOf(url, writer, '/api/sessions', launch)).toBe(201);
  expect(await statusOf(url, exporter, '/api/export/sessions.json')).toBe(200);
  expect(await statusOf(url, exporter, '/api/sessions')).toBe(403);
  expect(await statusOf(url, ADMIN_TOKEN, '/api/export/sessions.json')).toBe(200);
  const refused = await fetch(`${url}/api/sessions`, { headers: { authorization: `Bearer ${writer}` } });
  expect(await refused.json()).toEqual({
    error: 'forbidden',
    message: 'that takes a token with the scope sessions:read: one is made on /admin/tokens',
  });
  // No page, and no archive but by the scope of exports.
  expect(await statusOf(url, reader, '/admin')).toBe(403);
  expect(await statusOf(url, exporter, '/admin/tokens')).toBe(403);
  expect(await statusOf(url, reader, '/admin/archive?session=x')).toBe(403);
  expect(await statusOf(url, exporter, '/admin/archive?session=x')).toBe(404);
  // Only as a bearer token.
  expect((await newVisitor(url, { authorization: basic(reader) }).request('/admin')).status).toBe(401);
  expect((await fetch(`${url}/api/sessions?token=${reader}`)).status).toBe(401);

  await eventually(async () => !(await admin.text('/admin/tokens')).includes('>never<'));
  const withdraw = rowOf(await admin.text('/admin/tokens'), 'the &lt;dashboard&gt;');
  const fields = hiddenFields(withdraw);
  expect((await admin.post('/admin/tokens/withdraw', { ...fields, _csrf: 'guessed' })).status).toBe(403);
  expect((await admin.post('/admin/tokens/withdraw', fields)).status).toBe(303);
  expect((await admin.post('/admin/tokens/withdraw', fields)).status).toBe(303);
  expect(await statusOf(url, reader, '/api/sessions')).toBe(401);
  expect(await statusOf(url, writer, '/api/sessions')).toBe(403);
  expect(await admin.text('/admin/tokens')).toContain('withdrawn');
});

test.concurrent('what is stored of a token is its hash, and its use once a minute', async () => {
  await using app = await startWebApp({});
  const token = await make(newVisitor(app.url, asAdmin), 'a program', 'sessions:read');
  const rows = async () => app.database.db.selectFrom('api_tokens').selectAll().execute();
  expect(JSON.stringify(await rows())).not.toContain(token.slice(12));
  expect(await statusOf(app.url, token, '/api/sessions')).toBe(200);
  const [{ last_used_ms: firstMs } = { last_used_ms: null }] = await rows();
  expect(firstMs).toBeGreaterThan(Date.now() - 60_000);
  await statusOf(app.url, token, '/api/sessions');
  expect((await rows())[0]?.last_used_ms).toBe(firstMs);
  await app.database.db.updateTable('api_tokens').set({ last_used_ms: 1 }).execute();
  await statusOf(app.url, token, '/api/sessions');
  expect((await rows())[0]?.last_used_ms).toBeGreaterThan(1);
  const audit = await app.database.db.selectFrom('audit').selectAll().execute();
  expect(audit).toMatchObject([{ what: 'token-made', who: 'admin at 127.0.0.1', session: null }]);
  expect(JSON.stringify(audit)).not.toContain(token.slice(12));
});

test.concurrent('a token without a name or a scope is not made, and that is said', async () => {
  await using app = await startWebApp({});
  const admin = newVisitor(app.url, asAdmin);
  const fields = hiddenFields(await admin.text('/admin/tokens'));
  for (const [changes, says] of [
    [{ name: ' ', export: 'yes' }, 'Give it a name.'],
    [{ name: 'x'.repeat(101), export: 'yes' }, 'at most 100 characters'],
    [{ name: 'x\u0000', export: 'yes' }, 'no control characters'],
    [{ name: 'x' }, 'Choose at least one thing'],
    [{ name: 'x', export: 'on', everything: 'yes' }, 'Choose at least one thing'],
  ] as const) {
    const answer = await admin.post('/admin/tokens', { ...fields, ...changes });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(says);
  }
  expect((await admin.post('/admin/tokens', { name: 'x', export: 'yes' })).status).toBe(403);
  expect(await app.database.db.selectFrom('api_tokens').selectAll().execute()).toEqual([]);
});

test.concurrent('tokens that nobody has count as wrong ones, and while the database is away none is judged', async () => {
  await using app = await startWebApp({}, { SERVERMGR_TRUSTED_PROXIES: '1' });
  const made = await make(newVisitor(app.url, asAdmin), 'a program', 'sessions:read');
  const from = (token: string, address: string) =>
    statusOf(app.url, token, '/api/sessions', { headers: { 'x-forwarded-for': address } });
  await sql`alter table api_tokens rename to api_tokens_away`.execute(app.database.db);
  for (let turn = 0; turn < 12; turn += 1) expect(await from(made, '10.0.0.1')).toBe(503);
  expect(await from(ADMIN_TOKEN, '10.0.0.1')).toBe(200);
  await sql`alter table api_tokens_away rename to api_tokens`.execute(app.database.db);
  expect(await from(made, '10.0.0.1')).toBe(200);
  const guess = `smgr_${'x'.repeat(43)}`;
  for (let turn = 0; turn < 10; turn += 1) expect(await from(guess, '10.0.0.1')).toBe(401);
  expect(await from(made, '10.0.0.1')).toBe(429);
  expect(await from(made, '10.0.0.2')).toBe(200);
});

/** Makes a token on the page. */
async function make(admin: Visitor, name: string, scope: string): Promise<string> {
  const fields = hiddenFields(await admin.text('/admin/tokens'));
  const answer = await admin.post('/admin/tokens', { _csrf: fields._csrf ?? '', name, [scope]: 'yes' });
  expect(answer.status).toBe(200);
  return /<output id="token">([^<]*)</.exec(await answer.text())?.[1] ?? '';
}

async function statusOf(url: string, token: string, path: string, init: RequestInit = {}): Promise<number> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(init.body && { 'content-type': 'application/json' }),
    ...(init.headers as Record<string, string>),
  };
  const answer = await fetch(`${url}${path}`, { ...init, headers });
  await answer.body?.cancel();
  return answer.status;
}

function rowOf(page: string, name: string): string {
  return page.split('<tr>').find(row => row.includes(`>${name}<`)) ?? '';
}
