/** @module-tag slow */

import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { openFleetTable } from '../../src/servermgr/database/fleet-table.ts';
import { openWebhookDeliveries } from '../../src/servermgr/database/webhook-deliveries.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { startReceiver } from '../webhook/support/receiver.ts';
import { launchedRecord } from './support/fleet-parts.ts';
import { createWebhookParts } from './support/webhook-parts.ts';

const NEARLY = { atMost: 9, budget: 10 };
const DAY_MS = 86_400_000;
const refusing = (status: number) => (response: ServerResponse) =>
  void response.writeHead(status).end('hunter2');

test('two instances that see the same tell it once, and to each endpoint', async () => {
  await using parts = await createWebhookParts();
  await using one = await startReceiver();
  await using other = await startReceiver();
  const ports = [one.port, other.port];
  const opened = await Promise.all([parts.open(ports, NEARLY), parts.open(ports, NEARLY)]);
  await eventually(async () => (await opened[0].counts()).delivered === 2);
  expect(one.messages()).toMatchObject([{ type: 'budget.warning' }]);
  expect(other.messages()).toEqual(one.messages());
  expect(other.received[0]?.headers['webhook-id']).toBe(one.received[0]?.headers['webhook-id']);
  expect(await opened[1].counts()).toEqual({ pending: 0, delivered: 2, failed: 0 });
});

test('one that is refused is sent again with its id and its bytes, and told once a reason', {
  tags: ['slow'],
}, async () => {
  await using parts = await createWebhookParts();
  await using receiver = await startReceiver(refusing(500));
  const webhooks = await parts.open([receiver.port], NEARLY);
  const first = await eventually(async () => (await webhooks.recent(9)).find(({ answer }) => answer));
  expect(first).toMatchObject({ state: 'pending', attempts: 1, answer: 'HTTP 500', canSendAgain: false });
  expect(first?.host).toBe(`127.0.0.1:${receiver.port}`);
  expect((first?.nextMs ?? 0) - Date.now()).toBeGreaterThan(2_000);
  await eventually(() => receiver.received.length === 2);
  const [one, two] = receiver.received;
  expect(two?.body).toBe(one?.body);
  expect(two?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
  expect(Number(two?.headers['webhook-timestamp'])).toBeGreaterThan(
    Number(one?.headers['webhook-timestamp']),
  );
  expect(receiver.messages()).toHaveLength(2);
  await eventually(async () => ((await webhooks.recent(1))[0]?.nextMs ?? 0) - Date.now() > 200_000);
  expect(parts.lines).toMatchObject([{ event: 'webhook_failed', why: 'HTTP 500', attempts: 1 }]);
  expect(JSON.stringify(parts.lines)).not.toContain('hunter2');
});

test('after the tenth attempt it is given up, and sent again when somebody asks for it', async () => {
  await using parts = await createWebhookParts();
  await using receiver = await startReceiver(refusing(503));
  const { db } = parts.database;
  const webhooks = await parts.open([receiver.port], NEARLY);
  await eventually(() => parts.lines.length === 1);
  await eventually(async () => {
    const waits = { attempts: 9, next_ms: 0 };
    await db.updateTable('webhook_deliveries').set(waits).where('state', '=', 'pending').execute();
    return (await webhooks.counts()).failed === 1;
  });
  expect(parts.lines.at(-1)).toMatchObject({
    event: 'webhook_failed',
    why: 'given up: HTTP 503',
    attempts: 10,
  });
  const [given] = await webhooks.recent(1);
  expect(given).toMatchObject({ state: 'failed', answer: 'given up: HTTP 503', canSendAgain: true });
  receiver.answer(response => void response.writeHead(200).end());
  expect(await webhooks.sendAgain(given?.event ?? '', 'another')).toBe(false);
  expect(await webhooks.sendAgain(given?.event ?? '', given?.endpoint ?? '')).toBe(true);
  await eventually(async () => (await webhooks.counts()).delivered === 1);
  expect(await webhooks.sendAgain(given?.event ?? '', given?.endpoint ?? '')).toBe(false);
});

test('a 410 disables an endpoint, after a restart as well, until it is set up otherwise; then it is told what comes', async () => {
  await using parts = await createWebhookParts();
  await using receiver = await startReceiver(refusing(410));
  const table = openFleetTable(parts.database);
  const found = { atMs: Date.now(), who: 'a test', what: 'found' } as const;
  const addSession = async () => {
    const record = launchedRecord({ confirmedMs: Date.now() });
    await table.add([record], found);
    return nameOf(record.session.id);
  };
  const first = await parts.open([receiver.port], NEARLY);
  await eventually(async () => (await first.counts()).failed === 1);
  expect(await first.recent(9)).toMatchObject([{ answer: 'HTTP 410', canSendAgain: false }]);
  expect(parts.lines).toMatchObject([{ event: 'webhook_disabled', host: `127.0.0.1:${receiver.port}` }]);
  await first.close();
  receiver.answer(response => void response.writeHead(200).end());

  const again = await parts.open([receiver.port], NEARLY);
  await addSession();
  const other = await startReceiver();
  await using _ = other;
  // Another endpoint is told: the session was looked at, and the disabled one was left out.
  await again.close();
  // What another instance wrote down at the moment of the 410 waits, and is not sent.
  const { db } = parts.database;
  await db.updateTable('webhook_deliveries').set({ state: 'pending', next_ms: 0 }).execute();
  const both = await parts.open([receiver.port, other.port]);
  await eventually(() => other.received.length === 1);
  const waiting = db
    .updateTable('webhook_deliveries')
    .set({ state: 'failed' })
    .where('state', '=', 'pending');
  expect((await waiting.executeTakeFirst()).numUpdatedRows).toBe(1n);
  expect(receiver.received).toHaveLength(1);
  const [failed] = (await both.recent(9)).filter(({ state }) => state === 'failed');
  expect(await both.sendAgain(failed?.event ?? '', failed?.endpoint ?? '')).toBe(false);
  await both.close();

  const enabled = await parts.open([receiver.port], undefined, {
    events: ['session.started', 'budget.warning'],
  });
  const name = await addSession();
  await eventually(() => receiver.messages().some(({ data }) => data?.session === name));
  expect((await enabled.recent(9)).find(({ event }) => event === failed?.event)?.canSendAgain).toBe(true);
});

test('an endpoint that stalls holds up no other, and four messages are the most that wait for it', async () => {
  await using parts = await createWebhookParts();
  await using stalled = await startReceiver(() => undefined);
  await using quick = await startReceiver();
  const records = Array.from({ length: 8 }, () => launchedRecord({ confirmedMs: Date.now() }));
  const found = { atMs: Date.now(), who: 'a test', what: 'found' } as const;
  await openFleetTable(parts.database).add(records, found);
  await parts.open([stalled.port, quick.port]);
  await eventually(() => quick.received.length === 8);
  expect(stalled.received.length).toBeLessThanOrEqual(4);
});

test('what an instance was sending when it closed is sent by the next one at once, and is no attempt', async () => {
  await using parts = await createWebhookParts();
  await using receiver = await startReceiver(() => undefined);
  const first = await parts.open([receiver.port], NEARLY);
  await eventually(() => receiver.received.length === 1);
  await first.close();
  receiver.answer(response => void response.writeHead(200).end());
  const second = await parts.open([receiver.port], NEARLY);
  await eventually(async () => (await second.counts()).delivered === 1, { timeoutMs: 10_000 });
  expect(await second.recent(9)).toMatchObject([{ attempts: 1, state: 'delivered' }]);
  expect(receiver.received).toHaveLength(2);
});

test('30 days after its end a delivery is deleted with its event; what nobody delivers is given up after four', async () => {
  await using parts = await createWebhookParts();
  const { db } = parts.database;
  const nowMs = Date.now();
  const add = async (id: string, ageDays: number, state: string) => {
    const created_ms = nowMs - ageDays * DAY_MS;
    await db
      .insertInto('webhook_events')
      .values({ id, type: 'session.ended', session: null, body: '{}', created_ms })
      .execute();
    await db
      .insertInto('webhook_deliveries')
      .values({
        ...{ event: id, endpoint: 'nobody', host: 'hooks.example', state, attempts: 1, created_ms },
        ...{ next_ms: created_ms, answer: null, done_ms: state === 'pending' ? null : created_ms },
      })
      .execute();
  };
  await add('old', 31, 'delivered');
  await add('older', 60, 'failed');
  await add('young', 29, 'delivered');
  await add('waiting', 3, 'pending');
  await add('orphaned', 5, 'pending');
  const deliveries = openWebhookDeliveries(parts.database);
  await deliveries.sweep();
  const left = (await deliveries.recent(9)).map(({ event, state }) => [event, state]);
  expect(left).toEqual([
    ['waiting', 'pending'],
    ['orphaned', 'failed'],
    ['young', 'delivered'],
  ]);
  const events = await db.selectFrom('webhook_events').select('id').orderBy('id').execute();
  expect(events.map(({ id }) => id)).toEqual(['orphaned', 'waiting', 'young']);
});

test('while the database is away a message waits, and that is told once', async () => {
  await using parts = await createWebhookParts();
  await using receiver = await startReceiver();
  const { schema } = parts.database.db;
  await parts.open([receiver.port], NEARLY);
  await eventually(() => receiver.received.length === 1);
  await schema.alterTable('webhook_events').renameTo('away').execute();
  await openFleetTable(parts.database).add([launchedRecord({ confirmedMs: Date.now() })], {
    ...{ atMs: Date.now(), who: 'a test', what: 'found' },
  });
  await eventually(() => parts.lines.some(({ event }) => event === 'webhooks_paused'));
  await schema.alterTable('away').renameTo('webhook_events').execute();
  await eventually(() => receiver.messages().some(({ type }) => type === 'session.started'));
  expect(parts.lines.map(({ event }) => event)).toEqual(['webhooks_paused']);
});
