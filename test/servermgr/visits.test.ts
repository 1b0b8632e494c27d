/** @module-tag slow */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, createManagerFixture, environmentIn, supervisorCommand } from './support/manager.ts';
import { basic, idIn, newVisitor, startFields } from './support/visitor.ts';

test.concurrent('the button starts a session, its page leads to the address, and says how it ended', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const launched = await visitor.launch();
  expect(launched.status).toBe(303);
  const id = idIn(launched);
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const page = await visitor.text(`/wait?q=${id}`);
  expect(page).toContain('Your server is ready');
  expect(page).toMatch(/id="address" data-text="address">localhost:\d+</);
  expect(page).toContain('Minecraft Java Edition <strong data-text="version">1.12.2<');
  expect(page).toMatch(/Waits for <span data-text="waitsFor">somebody to join<[\s\S]*1[45] min/);
  expect(page).toMatch(/Time left<[\s\S]*1[01] h \d+ min/);

  await writeFile(join(await fixture.workdir(id), 'online'), '3');
  await eventually(async () => (await visitor.text(`/wait?q=${id}`)).includes('>about 2 people<'));
  await fixture.endSession(id);
  await eventually(async () => (await visitor.text(`/wait?q=${id}`)).includes('Everybody had left.'));
  expect(await visitor.text('/')).toContain('Your last session is over: everybody had left.');
});

test.concurrent('who takes part is what the session tells in its journal, and whether the agent plays', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const page = () => visitor.text(`/wait?q=${id}`);
  expect(await page()).toMatch(/class="gone"><dt>Agent/);

  const journal = join(fixture.destination, '.sessions', nameOf(id) ?? '', 'journal');
  await mkdir(journal, { recursive: true });
  const people = { present: 3, dashboard: 2, agentInGame: false, peak: 3 };
  await writeFile(join(journal, 'status.json'), JSON.stringify({ state: 'writing', people }));
  await eventually(async () => (await page()).includes('>3 people<'));
  expect(await page()).toContain('>not in the game<');
  expect(await page()).not.toContain('<span data-text="waitsFor">somebody to join');
  const fleet = await visitor.request('/admin', { headers: { authorization: basic(ADMIN_TOKEN) } });
  expect(await fleet.text()).toContain('agent not in the game');
  await fixture.endSession(id);
});

test.concurrent('a GET of /launch starts nothing, whatever world it names', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  for (const path of ['/launch', '/launch/flat_world']) {
    const response = await visitor.request(path);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  }
  expect(await fixture.startedCount()).toBe(0);
});

test.concurrent('a double click, and a repeat after a lost answer, are one launch', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const fields = await startFields(visitor);
  const answers = await Promise.all([1, 2, 3].map(() => visitor.post('/launch', fields)));
  const again = await visitor.post('/launch', fields);
  expect(new Set([...answers, again].map(idIn)).size).toBe(1);
  expect(await fixture.startedCount()).toBe(1);
});

test.concurrent('a second launch request of a visitor with a session leads to that session', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const first = await startFields(visitor);
  const second = await startFields(visitor);
  expect(first.press).not.toBe(second.press);
  const [one, two] = await Promise.all([visitor.post('/launch', first), visitor.post('/launch', second)]);
  expect(idIn(one)).toBe(idIn(two));
  expect(await fixture.startedCount()).toBe(1);
  expect(await visitor.text('/')).toContain('You have one session at a time.');
});

test.concurrent('the session gets its name, its world and what all get, and nothing of the manager’s own', async () => {
  await using fixture = await createManagerFixture({
    SESSION_EXCLUDE: '*.tmp',
    SERVERMGR_SECRET: 'x'.repeat(32),
  });
  const visitor = newVisitor((await fixture.startManager()).url);
  const id = idIn(await visitor.launch({ world: 'diverse_world' }));
  const env = await environmentIn(await fixture.workdir(id));
  expect(env).toMatchObject({
    TIMESTAMP: nameOf(id),
    SESSION_CUBERITE_CONFIG: 'diverse_world',
    SESSION_EXCLUDE: '*.tmp',
    SESSION_JOIN_TIMEOUT: '15m',
    SESSION_DESTINATION: fixture.destination,
  });
  expect(Object.keys(env).filter(name => name.startsWith('SERVERMGR_'))).toEqual([]);
  expect(JSON.stringify(env)).not.toContain('x'.repeat(32));
});

test.concurrent('a visitor can end his own session, and nobody else’s', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const stranger = newVisitor(url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  expect(await stranger.text(`/wait?q=${id}`)).not.toContain('End my session');
  const forged = await stranger.post('/stop', { session: id, _csrf: (await stranger.form())._csrf ?? '' });
  expect(forged.status).toBe(404);
  const fields = await visitor.form(`/wait?q=${id}`);
  expect((await visitor.post('/stop', fields)).status).toBe(303);
  await eventually(async () =>
    (await visitor.text(`/wait?q=${id}`)).includes('Ended by the person who started it.'),
  );
});

test.concurrent('/status answers older clients as it always has', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_SUPERVISOR: supervisorCommand('--late', '400'),
  });
  const visitor = newVisitor((await fixture.startManager()).url);
  const test = await visitor.request('/status?q=test');
  expect(await test.text()).toBe('{"progress":100,"ip":"123.123.123.123"}');
  // They parse the text themselves, which a body announced as JSON would break.
  expect(test.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect((await visitor.request('/status?q=nobody')).status).toBe(404);

  const id = idIn(await visitor.launch());
  const seen: unknown[] = [];
  await eventually(async () => {
    const status = await visitor.status(id);
    seen.push(status);
    return status.progress === 100;
  });
  const allowed =
    /^\{"progress":30\}$|^\{"progress":50,"ip":null\}$|^\{"progress":(75|90|100),"ip":"localhost:\d+"\}$/;
  for (const each of seen) expect(JSON.stringify(each)).toMatch(allowed);
});

test.concurrent('/clear asks, then forgets the cookie, and what was started goes on', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  idIn(await visitor.launch());
  const fields = await visitor.form('/clear');
  expect(await visitor.text('/')).toContain('You have one session at a time.');
  expect((await visitor.post('/clear', {})).status).toBe(403);
  const cleared = await visitor.post('/clear', fields);
  expect([cleared.status, cleared.headers.get('location')]).toEqual([303, '/']);
  expect([...visitor.cookies.keys()]).toEqual([]);
  expect(await visitor.text('/')).toContain('Start a server');
  await eventually(async () => (await fixture.aliveCount()) === 1);
});

test.concurrent('without JavaScript the waiting page refreshes itself until it is over', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const id = idIn(await visitor.launch());
  const refresh = /<noscript><meta http-equiv="refresh" content="\d+" \/><\/noscript>/;
  expect(await visitor.text(`/wait?q=${id}`)).toMatch(refresh);
  await eventually(async () => (await visitor.status(id)).progress === 100);
  await fixture.endSession(id);
  await eventually(async () => (await visitor.text(`/wait?q=${id}`)).includes('is over'));
  expect(await visitor.text(`/wait?q=${id}`)).not.toMatch(refresh);
});

test.concurrent('progress is pushed as it is made, and the stream ends with the session', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_SUPERVISOR: supervisorCommand('--late', '600'),
  });
  const visitor = newVisitor((await fixture.startManager()).url);
  const id = idIn(await visitor.launch());
  const response = await visitor.request(`/events?q=${id}`);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  let ended = false;
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes('"progress":100') && !ended) {
      ended = true;
      await fixture.endSession(id);
    }
  }
  const views = [...text.matchAll(/event: view\ndata: (.*)\n\n/g)].map(match => JSON.parse(match[1] ?? ''));
  const progress = views.map(view => view.progress);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  expect(views.map(view => view.phase)).toEqual(expect.arrayContaining(['starting', 'ready', 'ended']));
  expect(views.at(-1)).toMatchObject({ headline: 'Your session is over', detail: 'Everybody had left.' });
  expect(views.at(-1).archive).toMatch(/^\d+ s in all · 1 person at most · 10 B saved$/);
});

test.concurrent('a server that never starts says why, instead of a bar that stands still', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--crash') });
  const visitor = newVisitor((await fixture.startManager()).url);
  const id = idIn(await visitor.launch());
  const page = await eventually(async () => {
    const text = await visitor.text(`/wait?q=${id}`);
    return text.includes('Your server did not start') ? text : undefined;
  });
  expect(page).toContain('data-phase="failed"');
  expect(page).toContain(`Its server could not be started. If that happens again, tell those who have`);
  expect(page).toContain(`its name: ${nameOf(id)}.`);
  // Whatever has failed is for operators.
  expect(page).not.toContain('SESSION_AGENT_COMMAND');
});

test.concurrent('a launch that does not become ready in time is stopped, and says so', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_SUPERVISOR: supervisorCommand('--never'),
    SERVERMGR_LAUNCH_TIMEOUT: '1s',
  });
  const visitor = newVisitor((await fixture.startManager()).url);
  const id = idIn(await visitor.launch());
  await eventually(async () =>
    (await visitor.text(`/wait?q=${id}`)).includes('Stopped because it did not become ready in time.'),
  );
  await eventually(async () => (await fixture.aliveCount()) === 0);
});

test.concurrent('a world that does not exist is refused, and its name is not repeated', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const response = await visitor.launch({ world: '<script>alert(1)</script>' });
  expect(response.status).toBe(400);
  expect(await response.text()).not.toContain('<script>alert');
  expect(await fixture.startedCount()).toBe(0);
});
