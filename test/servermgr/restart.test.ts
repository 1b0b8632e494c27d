/** @module-tag slow */

import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openFleetTable } from '../../src/servermgr/database/fleet-table.ts';
import { openDatabase } from '../../src/servermgr/database/open.ts';
import { canMount } from '../support/can-mount.ts';
import { eventually } from '../support/eventually.ts';
import { createManagerFixture, environmentIn, supervisorCommand } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { idIn, newVisitor } from './support/visitor.ts';

/** A moment in a session's page. */
function momentIn(page: string, name: 'since' | 'until'): string | undefined {
  return new RegExp(`data-${name}="([^"]+)" data-moment="${name}"`).exec(page)?.[1];
}

test.concurrent('after a kill the next manager knows since when a session is ready, and whether anybody was there', async () => {
  await using fixture = await createManagerFixture({ SESSION_EMPTY_TIMEOUT: '10m' });
  await using first = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(first.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const online = join(await fixture.workdir(id), 'online');
  const page = () => visitor.text(`/wait?q=${id}`);
  await writeFile(online, '2');
  await eventually(async () => (await page()).includes('about 1 person'));
  await writeFile(online, '1');
  await eventually(async () => (await page()).includes('nobody any more'));
  const before = await page();
  await first.stop('SIGKILL');
  const same = { ...fixture.env, SERVERMGR_LISTEN: new URL(first.url).host };
  await using second = await startProgram(same, fixture.folder);
  expect(second.url).toBe(first.url);
  // From its first page on.
  const after = await page();
  expect(after).toContain('nobody any more');
  for (const moment of ['since', 'until'] as const)
    expect(momentIn(after, moment)).toBe(momentIn(before, moment));
});

test.concurrent('how long somebody was there is counted on where a manager is killed meanwhile', async () => {
  await using fixture = await createManagerFixture({ SESSION_EMPTY_TIMEOUT: '10m' });
  await using first = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(first.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const online = join(await fixture.workdir(id), 'online');
  const shows = (text: string) =>
    eventually(async () => (await visitor.text(`/wait?q=${id}`)).includes(text));
  const cameMs = Date.now();
  await writeFile(online, '2');
  await shows('about 1 person');
  const seenMs = Date.now();
  await first.stop('SIGKILL');
  const same = { ...fixture.env, SERVERMGR_LISTEN: new URL(first.url).host };
  await using second = await startProgram(same, fixture.folder);
  await shows('about 1 person');
  const leftMs = Date.now();
  await writeFile(online, '1');
  await shows('nobody any more');
  const goneMs = Date.now();
  await second.stop('SIGTERM');
  const file = join(fixture.env.SERVERMGR_STATE ?? '', 'servermgr.sqlite');
  const database = await openDatabase({ kind: 'sqlite', file }, 'servermgr');
  const observation = (await openFleetTable(database).find(id))?.observation;
  await database.close();
  expect(observation?.peopleSinceMs).toBeUndefined();
  expect(observation?.peopleMs).toBeGreaterThanOrEqual(leftMs - seenMs);
  expect(observation?.peopleMs).toBeLessThanOrEqual(goneMs - cameMs);
});

test.concurrent('a session that is saving is not starting again after a restart', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--saving') });
  await using first = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(first.url);
  const id = idIn(await visitor.launch());
  await environmentIn(await fixture.workdir(id));
  await eventually(async () => (await visitor.status(id)).progress === 100);
  await visitor.post('/stop', await visitor.form(`/wait?q=${id}`));
  expect(await visitor.text(`/wait?q=${id}`)).toContain('Your session is ending');
  await first.stop('SIGKILL');
  const same = { ...fixture.env, SERVERMGR_LISTEN: new URL(first.url).host };
  await using second = await startProgram(same, fixture.folder);
  expect(await visitor.text(`/wait?q=${id}`)).toContain('Your session is ending');
  expect(second.output()).not.toContain('stopped_by_rule');
});

test.concurrent('an installation without a table is taken over: its sessions are shown, stopped, and keep their visitors', async () => {
  await using fixture = await createManagerFixture();
  await using first = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(first.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  await first.stop('SIGKILL');
  const state = fixture.env.SERVERMGR_STATE ?? '';
  for (const end of ['', '-wal', '-shm']) await rm(join(state, `servermgr.sqlite${end}`), { force: true });
  const same = { ...fixture.env, SERVERMGR_LISTEN: new URL(first.url).host };
  await using second = await startProgram(same, fixture.folder);
  expect(second.url).toBe(first.url);
  // Whoever has a session is given no second one, from the first moment on.
  expect(await visitor.text('/')).toContain(`href="/wait?q=${id}"`);
  await eventually(async () => (await visitor.status(id)).progress === 100);
  await visitor.post('/stop', await visitor.form(`/wait?q=${id}`));
  await eventually(async () => (await visitor.text(`/wait?q=${id}`)).includes('Your session is over'));
});

test.concurrent('a session whose time is over is stopped, and was told before how long it has', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_MAX_AGE: '40s',
    SERVERMGR_LAUNCH_TIMEOUT: '30s',
  });
  await using program = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(program.url);
  const id = idIn(await visitor.launch());
  const given = await environmentIn(await fixture.workdir(id));
  expect(given.SESSION_MAX_DURATION).toBe('20s');
  await eventually(async () => (await visitor.status(id)).progress === 100);
  // The stand-in does not know the variable: it is stopped.
  await eventually(async () =>
    (await visitor.text(`/wait?q=${id}`)).includes('Stopped because its time was over.'),
  );
  expect(program.output()).toContain('session stopped by rule: too-old');
});

/** Gives the database a disk of its own, of 1 MiB; the sessions' folder is on another one. */
const ON_SMALL_DISK = 'mkdir -p "$0" && mount -t tmpfs -o size=1m none "$0" && exec "$@"';

test.runIf(canMount())(
  'while the disk of the database is full launches wait, and pages and stops go on',
  async () => {
    await using fixture = await createManagerFixture();
    const state = fixture.env.SERVERMGR_STATE ?? '';
    const small = join(dirname(state), 'small');
    const env = { ...fixture.env, SERVERMGR_STATE: small };
    const launcher = ['unshare', '-rm', 'sh', '-c', ON_SMALL_DISK, small];
    await using program = await startProgram(env, fixture.folder, launcher);
    const [visitor, other] = [newVisitor(program.url), newVisitor(program.url)];
    const id = idIn(await visitor.launch());
    await eventually(async () => (await visitor.status(id)).progress === 100);
    const filler = join(`/proc/${program.child.pid}/root`, small, 'filler');
    await expect(writeFile(filler, Buffer.alloc(2 ** 21))).rejects.toThrow('ENOSPC');
    await eventually(async () => {
      expect((await other.launch()).status).toBe(503);
      return program.output().includes('launch_paused');
    });
    expect((await visitor.status(id)).progress).toBe(100);
    await visitor.post('/stop', await visitor.form(`/wait?q=${id}`));
    await eventually(async () => (await visitor.text(`/wait?q=${id}`)).includes('Your session is over'));
    // Once, however often it is tried.
    expect(program.output().match(/the database cannot be asked: launches wait/g)).toHaveLength(1);
    await rm(filler);
    await eventually(async () => (await other.launch()).status === 303);
  },
);
