/** @module-tag slow */

import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, createManagerFixture } from './support/manager.ts';
import { startPostgres } from './support/postgres.ts';
import { startProgram } from './support/program.ts';
import { basic, idIn, newVisitor, type Visitor } from './support/visitor.ts';

const SECRET = 's'.repeat(32);

/** A Postgres, and what instances that share it are started with. */
async function createShared(changes: Record<string, string> = {}) {
  const postgres = await startPostgres();
  const fixture = await createManagerFixture({
    SERVERMGR_SECRET: SECRET,
    DATABASE_URL: postgres.url,
    ...changes,
  });
  return {
    postgres,
    fixture,
    async [Symbol.asyncDispose]() {
      await fixture[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    },
  };
}

test.concurrent('of three instances that are asked for the last places at the same moment, none gives one twice', async () => {
  await using shared = await createShared({ SERVERMGR_FLEET_LIMIT: '2' });
  const { fixture } = shared;
  const managers = await Promise.all([1, 2, 3].map(() => fixture.startManager()));
  const visitors = managers.flatMap(({ url }) => [newVisitor(url), newVisitor(url)]);
  const answers = await Promise.all(visitors.map(visitor => visitor.launch()));
  const started = answers.filter(({ status }) => status === 303);
  expect(started).toHaveLength(2);
  expect(await fixture.startedCount()).toBe(2);
  // All of them tell of the same two.
  const running = async (url: string) => {
    const page = await newVisitor(url, { authorization: basic(ADMIN_TOKEN) }).text('/admin');
    return page
      .split('Recent')[0]
      ?.match(/<code>[^<]*Z-[0-9a-f]{8}/g)
      ?.toSorted();
  };
  await eventually(async () => {
    const [first, ...others] = await Promise.all(managers.map(({ url }) => running(url)));
    expect(first).toHaveLength(2);
    for (const other of others) expect(other).toEqual(first);
    return true;
  });
});

test.concurrent('one visitor who requests a launch of two instances has one session, and one page', async () => {
  await using shared = await createShared();
  const { fixture } = shared;
  const [one, two] = await Promise.all([fixture.startManager(), fixture.startManager()]);
  const visitor = newVisitor(one.url);
  const fields = { world: 'flat_world', ...(await visitor.form()) };
  const answers = await Promise.all(
    [one, two].map(({ url }) => visitor.post(new URL('/launch', url).href, fields)),
  );
  expect(new Set(answers.map(idIn)).size).toBe(1);
  expect(await fixture.startedCount()).toBe(1);
});

test.concurrent('what one instance has launched another one shows, takes over when that is killed, and stops', async () => {
  await using shared = await createShared();
  const { fixture, postgres } = shared;
  await using first = await startProgram(fixture.env, fixture.folder);
  await using second = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(first.url);
  const id = idIn(await visitor.launch());
  const atSecond = newVisitor(second.url);
  await eventually(async () => (await atSecond.status(id)).progress === 100);
  expect(await first.stop('SIGKILL')).toBe(null);
  const killedMs = Date.now();
  await eventually(() => second.output().includes('"event":"observing"'), { timeoutMs: 10_000 });
  expect(Date.now() - killedMs).toBeLessThan(9_000);
  await fixture.endSession(id);
  await eventually(async () => (await atSecond.text(`/wait?q=${id}`)).includes('Everybody had left.'));
  const audit = await postgres.query<{ who: string; what: string }>('select who, what from servermgr.audit');
  expect(audit).toEqual([{ who: expect.stringMatching(/^visitor /), what: 'launch' }]);
});

test.concurrent('while the database is away pages show what was known, stops go on, and launches wait; then nothing is lost', async () => {
  await using shared = await createShared();
  const { fixture, postgres } = shared;
  await using program = await startProgram(fixture.env, fixture.folder);
  const [one, two, three] = [1, 2, 3].map(() => newVisitor(program.url)) as [Visitor, Visitor, Visitor];
  const ids = [idIn(await one.launch()), idIn(await two.launch())] as const;
  for (const id of ids) await eventually(async () => (await one.status(id)).progress === 100);
  await postgres.kill();
  await eventually(() => program.output().includes('"event":"database_away"'));
  expect((await one.status(ids[0])).progress).toBe(100);
  expect((await three.launch()).status).toBe(503);
  await two.post('/stop', { session: ids[1], ...(await two.form(`/wait?q=${ids[1]}`)) });
  await eventually(async () => (await fixture.aliveCount()) === 1);
  await eventually(async () => (await two.text(`/wait?q=${ids[1]}`)).includes('is over'));
  await postgres.start();
  await eventually(() => program.output().includes('"event":"database_back"'));
  await eventually(async () => (await three.launch()).status === 303);
  await eventually(async () => {
    const rows = await postgres.query<{ id: string; over: boolean; stop: string | null }>(
      'select id, over_ms is not null as over, stop_reason as stop from servermgr.sessions order by requested_ms limit 2',
    );
    expect(rows).toEqual([
      { id: ids[0], over: false, stop: null },
      { id: ids[1], over: true, stop: 'visitor' },
    ]);
    return true;
  });
});
