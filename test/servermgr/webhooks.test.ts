/** @module-tag slow */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { send } from '../../src/webhook/send.ts';
import { createTargets } from '../../src/webhook/targets.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { type Receiver, startReceiver, WEBHOOK_SECRET } from '../webhook/support/receiver.ts';
import { ADMIN_TOKEN, createManagerFixture, supervisorCommand } from './support/manager.ts';
import { startPostgres } from './support/postgres.ts';
import { runProgram, startProgram } from './support/program.ts';
import { basic, hiddenFields, idIn, newVisitor } from './support/visitor.ts';
import { hookVariables } from './support/webhook-parts.ts';

const asAdmin = { authorization: basic(ADMIN_TOKEN) };

const typesIn = (receiver: Receiver, name?: string) =>
  receiver
    .messages()
    .filter(({ data }) => name === undefined || data?.session === name)
    .map(({ type }) => type)
    .toSorted();

test.concurrent('a session is told of as it starts, is ready and has ended, and /admin shows it', async () => {
  await using receiver = await startReceiver();
  await using fixture = await createManagerFixture(hookVariables(receiver.port));
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const id = idIn(await visitor.launch());
  const name = nameOf(id) ?? '';
  await eventually(() => typesIn(receiver).includes('session.ready'));
  await fixture.endSession(id);
  await eventually(() => receiver.received.length === 3);
  expect(typesIn(receiver, name)).toEqual(['session.ended', 'session.ready', 'session.started']);
  expect(receiver.messages().find(({ type }) => type === 'session.ended')?.data).toMatchObject({
    ...{ session: name, world: 'flat_world', phase: 'ended', exitCode: 0, saved: 'archive', peakPeople: 1 },
    ...{ readyAt: expect.any(String), endedAt: expect.any(String), durationSeconds: expect.any(Number) },
  });
  const sent = JSON.stringify(receiver.received);
  for (const secret of [id, '127.0.0.1"', '10.0.0', ...visitor.cookies.values()])
    expect(sent).not.toContain(secret);

  const admin = newVisitor(url, asAdmin);
  expect(await admin.text('/admin')).toContain('href="/admin/webhooks"');
  const page = await eventually(async () => {
    const text = await admin.text('/admin/webhooks');
    return text.match(/class="state ready"/g)?.length === 3 ? text : undefined;
  });
  expect(page).toContain(`<code>${name}</code>`);
  expect(page).toContain('HTTP 204');
  expect(page).not.toContain('hunter2');
  expect(page).not.toContain(id);
  expect((await visitor.request('/admin/webhooks')).status).toBe(401);
});

test.concurrent('one that nobody could join has failed; who asked for its end alone hears nothing else', async () => {
  await using receiver = await startReceiver();
  await using fixture = await createManagerFixture({
    ...hookVariables(receiver.port, { events: ['session.failed'] }),
    SERVERMGR_SUPERVISOR: supervisorCommand('--crash'),
  });
  const { url } = await fixture.startManager();
  idIn(await newVisitor(url).launch());
  await eventually(() => receiver.received.length === 1);
  expect(receiver.messages()).toMatchObject([
    { type: 'session.failed', data: { phase: 'failed', exitCode: 10, saved: null, readyAt: null } },
  ]);
});

test.concurrent('a target that is internal is not asked; /admin says why, and sends again only by its own form', async () => {
  await using receiver = await startReceiver();
  await using fixture = await createManagerFixture({
    ...hookVariables(0, { url: `https://localhost:${receiver.port}/` }),
    SERVERMGR_WEBHOOK_INTERNAL: 'hooks.internal',
  });
  const { url } = await fixture.startManager();
  await newVisitor(url).launch();
  const admin = newVisitor(url, asAdmin);
  const page = await eventually(async () => {
    const text = await admin.text('/admin/webhooks');
    return text.includes('localhost is in an internal network, and is not listed') ? text : undefined;
  });
  expect(page).toContain('class="state starting">pending<');
  expect(page).not.toContain('Send again');
  expect(receiver.received).toEqual([]);
  const form = { event: 'msg_x', endpoint: 'x' };
  expect((await admin.post('/admin/webhooks/again', form)).status).toBe(403);
  const csrf = hiddenFields(await admin.text('/'));
  expect((await admin.post('/admin/webhooks/again', { ...csrf, ...form })).status).toBe(409);
});

test.concurrent('what is given up is sent again by the button', async () => {
  await using receiver = await startReceiver(response => response.writeHead(410).end());
  await using fixture = await createManagerFixture();
  const hooks = hookVariables(receiver.port, { events: ['session.started'] });
  const first = await fixture.startManager(hooks);
  await newVisitor(first.url).launch();
  await eventually(async () =>
    (await newVisitor(first.url, asAdmin).text('/admin/webhooks')).includes('class="state failed"'),
  );
  await first.close();
  receiver.answer(response => response.writeHead(200).end());
  const again = hookVariables(receiver.port, { events: ['session.started', 'session.lost'] });
  const { url } = await fixture.startManager(again);
  const admin = newVisitor(url, asAdmin);
  const page = await admin.text('/admin/webhooks');
  expect(page).toContain('>Send again<');
  expect((await admin.post('/admin/webhooks/again', hiddenFields(page))).status).toBe(303);
  await eventually(async () => (await admin.text('/admin/webhooks')).includes('class="state ready"'));
  expect(receiver.received[1]?.headers['webhook-id']).toBe(receiver.received[0]?.headers['webhook-id']);
});

test.concurrent('what was over before webhooks were set up is not told, and what goes on then is', async () => {
  await using receiver = await startReceiver();
  await using fixture = await createManagerFixture();
  const first = await fixture.startManager();
  const [over, running] = await Promise.all(
    [1, 2].map(async () => idIn(await newVisitor(first.url).launch())),
  );
  const visitor = newVisitor(first.url);
  for (const id of [over, running])
    await eventually(async () => (await visitor.status(id ?? '')).progress === 100);
  await fixture.endSession(over ?? '');
  await eventually(async () => (await visitor.text(`/wait?q=${over}`)).includes('Everybody had left.'));
  await first.close();
  await fixture.startManager(hookVariables(receiver.port));
  await fixture.endSession(running ?? '');
  await eventually(() => typesIn(receiver).includes('session.ended'));
  expect(typesIn(receiver)).toEqual(['session.ended', 'session.ready', 'session.started']);
  expect(typesIn(receiver, nameOf(over ?? ''))).toEqual([]);
});

test.concurrent('http:// to what is not listed is refused before anything starts, and no secret is told', async () => {
  const { code, output } = await runProgram({
    ...hookVariables(8_080),
    SERVERMGR_WEBHOOK_INTERNAL: 'localhost',
  });
  expect(code).toBe(64);
  expect(output).toContain(
    'SERVERMGR_WEBHOOKS has http:// at 0.url: write https://, or list 127.0.0.1 in SERVERMGR_WEBHOOK_INTERNAL',
  );
  expect(output).not.toMatch(/hunter2|whsec_B/);
});

test.concurrent('the receiver of docs/servermgr-api.md takes what is signed, once, and refuses everything else', async () => {
  const root = resolve(import.meta.dirname, '../..');
  const page = await readFile(resolve(root, 'docs/servermgr-api.md'), 'utf8');
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  const PORT = String(await freePort());
  const env = { PATH: process.env.PATH ?? '', WEBHOOK_SECRET, PORT };
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    ...{ cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] },
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', text => {
    output += text;
  });
  try {
    const sent = (changes = {}) =>
      send(
        {
          ...{ id: 'msg_1', url: `http://127.0.0.1:${PORT}/`, secret: WEBHOOK_SECRET },
          ...{ body: '{"type":"session.ended","data":{"session":"a session"}}', ...changes },
        },
        {
          targets: createTargets(['127.0.0.1']),
          userAgent: 'servermgr',
          signal: new AbortController().signal,
        },
      );
    await eventually(async () => (await sent()).text === 'HTTP 204');
    expect(await sent()).toEqual({ kind: 'delivered', text: 'HTTP 204' });
    const secret = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    expect(await sent({ secret })).toEqual({ kind: 'failed', text: 'HTTP 401' });
    await eventually(() => output.length > 0);
    expect(output).toBe('session.ended a session\n');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});

test.concurrent('killed between writing down and delivery, and while a session ends: all is told after the start, with the same ids', {
  tags: ['slow'],
}, async () => {
  await using receiver = await startReceiver(() => undefined);
  await using fixture = await createManagerFixture(hookVariables(receiver.port));
  const first = await startProgram(fixture.env, fixture.folder);
  const id = idIn(await newVisitor(first.url).launch());
  await eventually(() => typesIn(receiver).includes('session.ready'));
  await first.stop('SIGKILL');
  const before = receiver.received.map(({ headers }) => headers['webhook-id']);
  await fixture.endSession(id);
  await eventually(async () => (await fixture.aliveCount()) === 0);
  receiver.answer(response => response.writeHead(200).end());
  await using second = await startProgram(fixture.env, fixture.folder);
  await eventually(() => receiver.received.length === before.length + 3);
  const after = receiver.received.slice(before.length).map(({ headers }) => headers['webhook-id']);
  expect(after).toEqual(expect.arrayContaining(before));
  expect(typesIn(receiver)).toContain('session.ended');
  expect(second.output() + first.output()).not.toMatch(/hunter2|whsec_/);
});

test.concurrent('of two instances on one Postgres each event is told once, and goes on when the one that observes is killed', {
  tags: ['slow'],
}, async () => {
  await using postgres = await startPostgres();
  await using receiver = await startReceiver();
  await using fixture = await createManagerFixture({
    ...{ SERVERMGR_SECRET: 's'.repeat(32), DATABASE_URL: postgres.url },
    ...hookVariables(receiver.port),
  });
  await using first = await startProgram(fixture.env, fixture.folder);
  await using second = await startProgram(fixture.env, fixture.folder);
  const [one, two] = [newVisitor(first.url), newVisitor(second.url)];
  const [a, b] = [idIn(await one.launch()), idIn(await two.launch())];
  await eventually(() => typesIn(receiver).filter(type => type === 'session.ready').length === 2);
  await fixture.endSession(a);
  await eventually(() => receiver.received.length === 5);
  expect(await first.stop('SIGKILL')).toBe(null);
  await fixture.endSession(b);
  await eventually(() => receiver.received.length === 6);
  const delivered = "select count(*)::int as n from servermgr.webhook_deliveries where state = 'delivered'";
  await eventually(async () => (await postgres.query<{ n: number }>(delivered))[0]?.n === 6);
  for (const id of [a, b])
    expect(typesIn(receiver, nameOf(id))).toEqual(['session.ended', 'session.ready', 'session.started']);
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(6);
});
