import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../src/servermgr/database/database.ts';
import { openHistoryTable } from '../../src/servermgr/database/history-table.ts';
import { openNotesTable } from '../../src/servermgr/database/notes-table.ts';
import { openDatabase } from '../../src/servermgr/database/open.ts';
import { fillSummaries } from '../../src/servermgr/database/summaries.ts';
import { openHistory } from '../../src/servermgr/operators/history.ts';
import { openSavedSessions } from '../../src/servermgr/saved-sessions.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { eventually } from '../support/eventually.ts';
import { SILENT } from './support/fleet-parts.ts';
import { ADMIN_TOKEN } from './support/manager.ts';
import { addPast, namesOf, pastRecord } from './support/past-sessions.ts';
import { startPostgres } from './support/postgres.ts';
import { basic, newVisitor } from './support/visitor.ts';
import { startWebApp, type WebApp } from './support/web-app.ts';

const asAdmin = { authorization: basic(ADMIN_TOKEN) };
const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-03-01T00:00:00Z');

test.concurrent('the history finds sessions by all that it is searched by, in URLs that can be sent on', async () => {
  await using app = await startWebApp({});
  await findsAll(app.database, filters => shown(app, filters));
});

test.concurrent('and in Postgres it finds the same', { tags: ['slow'] }, async () => {
  await using postgres = await startPostgres();
  const database = await openDatabase({ kind: 'postgres', url: postgres.url, tls: 'disable' }, 'tests');
  try {
    const table = openHistoryTable(database);
    await findsAll(database, async ({ session, world, phase, end, from, to, note }) => {
      const rows = await table.page(
        {
          ...{ name: session && (nameOf(session) ?? session), world, phase, note, endReason: end },
          fromMs: from === undefined ? undefined : Date.parse(from),
          untilMs: to === undefined ? undefined : Date.parse(to) + DAY_MS,
        },
        50,
      );
      return rows.map(({ id }) => nameOf(id) ?? '');
    });
  } finally {
    await database.close();
  }
});

type Filters = Partial<Record<'session' | 'world' | 'phase' | 'end' | 'from' | 'to' | 'note', string>>;

async function findsAll(database: Database, find: (filters: Filters) => Promise<string[]>): Promise<void> {
  const at = (days: number) => START_MS + days * DAY_MS + 3_600_000;
  const records = [
    pastRecord({ requestedMs: at(0) }),
    pastRecord({ requestedMs: at(1), world: 'diverse_world', stopped: 'admin' }),
    pastRecord({
      requestedMs: at(2),
      report: { by: 'server-never-ready', text: 'it never answered', exitCode: 10 },
    }),
    pastRecord({ requestedMs: at(3), isAlive: true }),
  ];
  await addPast(database, records);
  const [left = '', stopped = '', failed = '', alive = ''] = namesOf(records);
  const [first, second] = records;
  const note = { atMs: 1, who: 'admin at ::1' };
  const notes = openNotesTable(database);
  await notes.add(first?.session.id ?? '', { ...note, text: 'Übung: 100 % of <them> were there_' });
  await notes.add(second?.session.id ?? '', { ...note, text: '1000 % of them' });

  expect(await find({})).toEqual([alive, failed, stopped, left]);
  expect(await find({ session: failed })).toEqual([failed]);
  expect(await find({ session: records[1]?.session.id ?? '' })).toEqual([stopped]);
  expect(await find({ session: `${left.slice(0, -8)}00000000` })).toEqual([]);
  expect(await find({ world: 'diverse_world' })).toEqual([stopped]);
  expect(await find({ phase: 'failed' })).toEqual([failed]);
  expect(await find({ phase: 'starting' })).toEqual([alive]);
  expect(await find({ end: 'admin' })).toEqual([stopped]);
  expect(await find({ end: 'everybody-left' })).toEqual([left]);
  expect(await find({ from: '2026-03-02', to: '2026-03-03' })).toEqual([failed, stopped]);
  expect(await find({ from: '2026-03-02', to: '2026-03-03', phase: 'ended' })).toEqual([stopped]);
  expect(await find({ note: 'übung' })).toEqual([left]);
  expect(await find({ note: '100 % OF' })).toEqual([left]);
  expect(await find({ note: 'there_' })).toEqual([left]);
  expect(await find({ note: 'th_re' })).toEqual([]);
  expect(await find({ note: '\\' })).toEqual([]);
}

test.concurrent('what is wrong with a search is said, and nothing is found by it', async () => {
  await using app = await startWebApp({});
  await addPast(app.database, [pastRecord({ requestedMs: START_MS })]);
  const faults: [query: string, says: string][] = [
    ['session=yesterday', '“session” is not understood. It is a session’s whole name'],
    ['phase=asleep', '“phase” is not understood. It is one of starting'],
    ['from=2026-13-01', '“from” is not understood. It is a day, like 2026-11-28.'],
    ['to=1.3.2026', '“to” is not understood'],
    ['note=%00', '“note” is not understood. It has no control characters.'],
    [`note=${'x'.repeat(201)}`, 'It has at most 200 characters.'],
    ['world=a&world=b', 'It may be given once.'],
    ['wrold=a', 'There is no filter'],
    ['before=x', 'It is the name of a session'],
  ];
  const admin = newVisitor(app.url, asAdmin);
  for (const [query, says] of faults) {
    const answer = await admin.request(`/admin/history?${query}`);
    const text = await answer.text();
    expect([answer.status, text.includes(says)], `${query}: ${says}`).toEqual([400, true]);
    expect(text).not.toContain('/admin/session?');
    expect((await admin.request(`/admin/export/sessions.csv?${query}`)).status).toBe(400);
  }
  expect((await newVisitor(app.url).request('/admin/history')).status).toBe(401);
});

test.concurrent('pages follow one another without a gap, also among sessions of one millisecond', async () => {
  await using app = await startWebApp({});
  const records = Array.from({ length: 120 }, (_, index) =>
    pastRecord({ requestedMs: START_MS + Math.floor(index / 40) }),
  );
  await addPast(app.database, records);
  const admin = newVisitor(app.url, asAdmin);
  const seen: string[] = [];
  let path: string | undefined = '/admin/history?world=flat_world';
  for (let pages = 0; path !== undefined; pages += 1) {
    expect(pages).toBeLessThan(3);
    const text = await admin.text(path);
    seen.push(...namesIn(text));
    path = /href="([^"]*)" rel="next"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
  }
  expect(seen.toSorted()).toEqual(namesOf(records).toSorted());
});

test.concurrent('whatever was written, a page shows it as text', async () => {
  await using app = await startWebApp({});
  await addPast(app.database, [pastRecord({ requestedMs: START_MS, world: '<script>alert(1)</script>' })]);
  const page = await newVisitor(app.url, asAdmin).text(
    '/admin/history?world=%3Cscript%3Ealert(1)%3C%2Fscript%3E',
  );
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page).not.toContain('<script>alert');
});

test.concurrent('while the database is away the history says so', async () => {
  await using app = await startWebApp({});
  await sql`alter table sessions rename to sessions_away`.execute(app.database.db);
  const answer = await newVisitor(app.url, asAdmin).request('/admin/history');
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain('That is not known just now');
  await sql`alter table sessions_away rename to sessions`.execute(app.database.db);
});

test.concurrent('rows that an older version has written are filled in, also what it wrote of a known one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'history-'));
  const database = await openDatabase({ kind: 'sqlite', file: join(folder, 'fleet.sqlite') }, 'tests');
  try {
    const records = Array.from({ length: 250 }, (_, index) =>
      pastRecord({ requestedMs: START_MS + index, stopped: 'too-old' }),
    );
    await addPast(database, records);
    await sql`update sessions set phase = null, end_reason = null`.execute(database.db);
    const last = records.at(-1)?.session.id ?? '';
    await database.db.updateTable('sessions').set({ phase: 'ready' }).where('id', '=', last).execute();
    const signal = new AbortController().signal;
    const filled = await Promise.all([fillSummaries(database, signal), fillSummaries(database, signal)]);
    expect(filled[0]).toBeGreaterThan(0);
    const found = await openHistoryTable(database).page({ phase: 'ended', endReason: 'too-old' }, 300);
    expect(found).toHaveLength(250);
    expect(await fillSummaries(database, signal)).toBe(0);
  } finally {
    await database.close();
    await rm(folder, { recursive: true });
  }
});

test('a page of 100,000 sessions is there in 100 ms, whatever it is searched by', {
  tags: ['slow', 'alone'],
}, async () => {
  await using app = await startWebApp({});
  await seed(app.database, 100_000);
  const admin = newVisitor(app.url, asAdmin);
  const queries = [
    '',
    'phase=failed',
    'end=never-there',
    'world=diverse_world&end=everybody-left',
    'world=nowhere&phase=ended',
    'from=2026-03-05&to=2026-03-06',
    'note=needle',
    'study=1',
    'participant=P-ABCDEFGHJK',
    'session=2026-03-01T00:00:50.000Z-00000000',
    'before=2026-03-02T00:00:00.000Z-00000000&world=diverse_world',
  ];
  const slow: string[] = [];
  for (const query of queries) {
    // The fastest of some: others run on this machine.
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const startMs = performance.now();
      expect((await admin.request(`/admin/history?${query}`)).status).toBe(200);
      times.push(performance.now() - startMs);
    }
    if (Math.min(...times) > 100) slow.push(`${query}: ${Math.round(Math.min(...times))} ms`);
  }
  expect(slow).toEqual([]);
});

/** So many copies of one session, as large as rows are. */
async function seed(database: Database, count: number): Promise<void> {
  const model = pastRecord({ requestedMs: START_MS });
  await addPast(database, [model]);
  await sql`
    insert into sessions
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count - 1})
    select substr('00000000', 1) || '-' || printf('%022d', i), 'key ' || i, visitor_hash, network_hash,
      case when i % 2 = 0 then 'flat_world' else 'diverse_world' end, attempt, requested_ms + i * 10000,
      launch_tried_ms, confirmed_ms, place, cost_per_hour, state, observation, report || printf('%1000s', ''),
      stop_reason, stop_ms, over_ms, gone_ms, changed_ms,
      case when i % 1000 = 0 then 'failed' else 'ended' end,
      case when i % 2 = 0 then 'everybody-left' else 'nobody-joined' end, ordered
    from sessions, n where id = ${model.session.id}`.execute(database.db);
  await sql`insert into notes (session_id, at_ms, who, text, folded)
    select id, 0, 'admin', 'a note', 'a note' from sessions where requested_ms % 100000 = 0`.execute(
    database.db,
  );
}

async function shown(app: WebApp, filters: Filters): Promise<string[]> {
  const answer = await newVisitor(app.url, asAdmin).request(`/admin/history?${new URLSearchParams(filters)}`);
  expect(answer.status).toBe(200);
  const text = await answer.text();
  // An id is in no link.
  for (const [, link] of text.matchAll(/href="([^"]*)"/g)) expect(link).not.toMatch(/[0-9a-z]{8}-[\w-]{22}/);
  return namesIn(text);
}

function namesIn(page: string): string[] {
  return [...page.matchAll(/\/admin\/session\?name=([^"]*)"/g)].map(([, name = '']) =>
    decodeURIComponent(name),
  );
}

test.concurrent('a manager that is started fills in what an older one wrote, and what was recovered meanwhile', async () => {
  await using app = await startWebApp({});
  const lost = pastRecord({ requestedMs: START_MS + 1, report: { saved: 'journal', archive: undefined } });
  await addPast(app.database, [pastRecord({ requestedMs: START_MS }), lost]);
  const [name = ''] = namesOf([lost]);
  const entry = { at_ms: Date.now(), who: 'admin', what: 'recover', session: name, detail: null };
  await app.database.db.insertInto('audit').values(entry).execute();
  const report = { saved: 'archive', recovered: true, archive: { key: `${name}/logs.tar.gz`, bytes: 77 } };
  await mkdir(join(app.folder, '.sessions', name), { recursive: true });
  await writeFile(join(app.folder, '.sessions', name, 'session.json'), JSON.stringify(report));
  await sql`update sessions set phase = null`.execute(app.database.db);
  const settings = {
    env: {},
    destination: { kind: 'directory', path: tmpdir() },
    ...{ joinTimeoutMs: 1, emptyTimeoutMs: 1, maxDurationMs: 1 },
    ...{ agentPlayers: 1, pathStyle: false, costPerHour: undefined },
  } as const;
  const savedSessions = openSavedSessions(openDirectoryStore(app.folder), SILENT);
  const history = openHistory({ database: app.database, savedSessions, settings, log: SILENT });
  await eventually(async () => (await history.page({ phase: 'ended' }, 3)).length === 2);
  await eventually(async () => (await history.find(name))?.record.report?.archive?.bytes === 77);
  await history.close();
});
