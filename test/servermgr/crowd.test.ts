/** @module-tag slow */

import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createManagerFixture, portRange } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { idIn, newVisitor } from './support/visitor.ts';

const VISITORS = 500;
const PLACES = 20;

test('of 500 visitors at once, 20 get a session, and everyone else a clear answer', async () => {
  const ports = await portRange(PLACES + 10);
  await using fixture = await createManagerFixture({
    SERVERMGR_FLEET_LIMIT: String(PLACES),
    SERVERMGR_PORTS: `${ports.first}-${ports.last}`,
    SERVERMGR_TRUSTED_PROXIES: '1',
  });
  await using program = await startProgram(fixture.env, fixture.folder);
  // Once before, so that what is loaded on first use is not taken for growth.
  await newVisitor(program.url, { 'x-forwarded-for': '10.9.9.9' }).request('/');
  const before = await program.residentBytes();

  const visitors = Array.from({ length: VISITORS }, (_, index) =>
    newVisitor(program.url, { 'x-forwarded-for': `10.0.${index >> 8}.${index & 255}` }),
  );
  const forms = await Promise.all(visitors.map(visitor => visitor.form()));
  const answers = await Promise.all(
    visitors.map((visitor, index) => visitor.post('/launch', { world: 'flat_world', ...forms[index] })),
  );

  const lucky = answers.filter(({ status }) => status === 303);
  const others = answers.filter(({ status }) => status === 503);
  expect([lucky.length, others.length]).toEqual([PLACES, VISITORS - PLACES]);
  expect(new Set(lucky.map(idIn)).size).toBe(PLACES);
  // On a machine with much to do they are on their way for a while.
  await eventually(async () => (await fixture.startedCount()) === PLACES);
  for (const answer of others) {
    expect(answer.headers.get('retry-after')).toBe('60');
    expect(await answer.text()).toContain('20 sessions are running, which is all that there is room for.');
  }
  await eventually(async () => (await fixture.aliveCount()) === PLACES);
  expect((await program.residentBytes()) - before).toBeLessThan(80 * 1024 * 1024);
  expect(await fixture.startedCount()).toBe(PLACES);
});

test('when a session ends, its place is free for the next visitor', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_FLEET_LIMIT: '1' });
  const { url } = await fixture.startManager();
  const [first, second] = [newVisitor(url), newVisitor(url)];
  const id = idIn(await first.launch());
  expect((await second.launch()).status).toBe(503);
  expect(await second.text('/')).toContain('All 1 places are taken just now.');
  await eventually(async () => (await first.status(id)).progress === 100);
  await fixture.endSession(id);
  await eventually(async () => (await second.launch()).status === 303);
});

test('a restart forgets nothing: visitor, session and countdown go on', async () => {
  await using fixture = await createManagerFixture();
  await using before = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(before.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const status = await visitor.status(id);
  expect(await before.stop('SIGKILL')).toBe(null);
  expect(await fixture.aliveCount()).toBe(1);

  await using after = await startProgram(
    { ...fixture.env, SERVERMGR_LISTEN: new URL(before.url).host },
    fixture.folder,
  );
  expect(after.url).toBe(before.url);
  await eventually(async () => (await visitor.status(id)).progress === 100);
  expect(await visitor.status(id)).toEqual(status);
  expect(await visitor.text('/')).toContain('Your server is running');
  await fixture.endSession(id);
  await eventually(async () => (await visitor.text(`/wait?q=${id}`)).includes('Everybody had left.'));
});

test('a session whose manager was away when it ended still tells how', async () => {
  await using fixture = await createManagerFixture();
  const first = await fixture.startManager();
  const id = idIn(await newVisitor(first.url).launch());
  await eventually(async () => (await newVisitor(first.url).status(id)).progress === 100);
  await first.close();
  await fixture.endSession(id);
  await eventually(async () => (await fixture.aliveCount()) === 0);
  const second = newVisitor((await fixture.startManager()).url);
  await eventually(async () => (await second.text(`/wait?q=${id}`)).includes('Everybody had left.'));
});

test('sessions keep running when the manager ends in an orderly way', async () => {
  await using fixture = await createManagerFixture();
  await using program = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(program.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  expect(await program.stop()).toBe(0);
  expect(program.output()).toContain('sessions keep running');
  expect(await fixture.aliveCount()).toBe(1);
});
