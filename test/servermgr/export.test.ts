/** @module-tag slow */

import { parse } from 'csv-parse/sync';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { ExportRow } from '../../src/servermgr/web/export-rows.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN } from './support/manager.ts';
import { addPast, namesOf, pastRecord } from './support/past-sessions.ts';
import { basic } from './support/visitor.ts';
import { startWebApp } from './support/web-app.ts';

const TOKEN = { authorization: `Bearer ${ADMIN_TOKEN}` };
const START_MS = Date.parse('2026-03-01T00:00:00Z');

test.concurrent('an export has what the search finds, as CSV and as JSON, and no secret', async () => {
  await using app = await startWebApp({}, { SERVERMGR_SESSION_COST: '0.25' });
  const records = [
    pastRecord({ requestedMs: START_MS, world: '=HYPERLINK("http://evil")' }),
    pastRecord({ requestedMs: START_MS + 1, report: { text: 'a "quoted",\nbroken text', exitCode: 11 } }),
    pastRecord({ requestedMs: START_MS + 2, isAlive: true }),
  ];
  await addPast(app.database, records);
  const [formula = '', quoted = '', alive = ''] = namesOf(records);
  const csv = await fetch(`${app.url}/api/export/sessions.csv`, { headers: TOKEN });
  expect(csv.headers.get('content-type')).toContain('text/csv');
  expect(csv.headers.get('content-disposition')).toMatch(/^attachment; filename="sessions-[\d-]+\.csv"$/);
  const text = await csv.text();
  const rows = parse(text, { columns: true }) as Record<string, string>[];
  expect(rows.map(({ session }) => session)).toEqual([alive, quoted, formula]);
  expect(rows[1]).toEqual({
    ...{ session: quoted, world: 'flat_world', phase: 'ended', end: 'a "quoted",\nbroken text' },
    ...{ requestedAt: '2026-03-01T00:00:00.001Z', readyAt: '', endedAt: '2026-03-01T00:01:00.001Z' },
    ...{ exitCode: '11', saved: 'archive', archiveKey: `${quoted}/logs.tar.gz`, archiveBytes: '1234' },
    ...{ peoplePeak: '2', costPerHour: '0.25' },
  });
  expect(rows[2]?.world).toBe(`'=HYPERLINK("http://evil")`);
  expect(rows[0]).toMatchObject({ phase: 'starting', endedAt: '', end: '', exitCode: '' });

  const json = await read(`${app.url}/api/export/sessions.json`);
  expect(json.sessions).toHaveLength(3);
  expect(json.sessions[2]).toMatchObject({ world: '=HYPERLINK("http://evil")', readyAt: null, exitCode: 0 });
  for (const { session } of records) expect(text + JSON.stringify(json)).not.toContain(session.id);
  expect(text + JSON.stringify(json)).not.toContain('a-network');

  const some = await read(`${app.url}/api/export/sessions.json?phase=starting`);
  expect(some.sessions.map(({ session }) => session)).toEqual([alive]);
  expect(await read(`${app.url}/api/export/sessions.json?world=nowhere`)).toEqual({ sessions: [] });
  const empty = await fetch(`${app.url}/api/export/sessions.csv?world=nowhere`, { headers: TOKEN });
  expect((await empty.text()).split('\n')[0]).toMatch(/^session,world,phase,requestedAt,/);
  const wrong = await fetch(`${app.url}/api/export/sessions.csv?wrold=x`, { headers: TOKEN });
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({ error: 'invalid-request' });
  const page = await fetch(`${app.url}/admin/export/sessions.csv`, {
    headers: { authorization: basic(ADMIN_TOKEN) },
  });
  expect(await page.text()).toBe(text);
});

test.concurrent('what breaks off in the middle cuts the connection, and what fails at once is an error', async () => {
  await using app = await startWebApp({});
  await addPast(
    app.database,
    Array.from({ length: 3_000 }, (_, index) => pastRecord({ requestedMs: START_MS + index, report: LONG })),
  );
  const { db } = app.database;
  const answer = await fetch(`${app.url}/api/export/sessions.json`, { headers: TOKEN });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await sql`alter table sessions rename to sessions_away`.execute(db);
  const readAll = async () => {
    for (let read = await reader.read(); !read.done; read = await reader.read());
  };
  await expect(readAll()).rejects.toThrow();
  await eventually(() => app.lines().some(({ event }) => event === 'export_broken'));
  const failed = await fetch(`${app.url}/api/export/sessions.csv`, { headers: TOKEN });
  expect(failed.status).toBe(503);
  expect(await failed.json()).toMatchObject({ error: 'unavailable' });
  await sql`alter table sessions_away rename to sessions`.execute(db);
});

async function read(url: string): Promise<{ sessions: ExportRow[] }> {
  return (await fetch(url, { headers: TOKEN })).json() as Promise<{ sessions: ExportRow[] }>;
}

const LONG = { text: 'x'.repeat(5_000) };
