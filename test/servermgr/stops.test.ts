/** @module-tag slow */

import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { canMount } from '../support/can-mount.ts';
import { eventually } from '../support/eventually.ts';
import { createManagerFixture, environmentIn, type ManagerFixture } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { idIn, newVisitor, type Visitor } from './support/visitor.ts';

/** A session that runs, and the folder that holds its record. */
async function running(fixture: ManagerFixture, visitor: Visitor) {
  const id = idIn(await visitor.launch());
  const workdir = await fixture.workdir(id);
  await environmentIn(workdir);
  return { id, folder: dirname(workdir) };
}

const stop = async (visitor: Visitor, id: string) =>
  visitor.post('/stop', await visitor.form(`/wait?q=${id}`));

const isOver = async (visitor: Visitor, id: string) =>
  (await visitor.text(`/wait?q=${id}`)).includes('Your session is over');

test.concurrent('an empty marker, as a full disk leaves one, stops nothing, and keeps nobody from stopping', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const { id, folder } = await running(fixture, visitor);
  await writeFile(join(folder, 'stop'), '');
  await eventually(async () => (await visitor.status(id)).progress === 100);
  expect((await stop(visitor, id)).status).toBe(303);
  await eventually(() => isOver(visitor, id));
});

/** Gives the state folder, its first word, a disk of its own, of 2 MiB. */
const ON_SMALL_DISK = 'mkdir -p "$0" && mount -t tmpfs -o size=2m none "$0" && exec "$@"';

test.runIf(canMount())('a full disk keeps nobody from stopping, and ends no manager', async () => {
  await using fixture = await createManagerFixture();
  const state = fixture.env.SERVERMGR_STATE ?? '';
  const launcher = ['unshare', '-rm', 'sh', '-c', ON_SMALL_DISK, state];
  await using program = await startProgram(fixture.env, fixture.folder, launcher);
  const visitor = newVisitor(program.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const filler = join(`/proc/${program.child.pid}/root`, state, 'filler');
  await expect(writeFile(filler, Buffer.alloc(4 * 2 ** 20))).rejects.toThrow('ENOSPC');
  expect((await stop(visitor, id)).status).toBe(303);
  await eventually(() => isOver(visitor, id));
  expect(program.output()).toContain('what happens to a session could not be written down');
  await eventually(() => program.output().includes('how a session has ended could not be written down'));
  expect((await visitor.request('/')).status).toBe(200);
});

test.concurrent('a record that cannot be read is named in the log, once, and others are launched', async () => {
  await using fixture = await createManagerFixture();
  await using program = await startProgram(fixture.env, fixture.folder);
  const first = await running(fixture, newVisitor(program.url));
  const record = join(first.folder, 'record.json');
  const whole = await readFile(record);
  await writeFile(record, whole.subarray(0, 20));
  const visitor = newVisitor(program.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  expect(program.output().match(/"event":"record_unreadable"/g)).toHaveLength(1);
  expect(program.output()).toContain(
    `the record of a session cannot be read, and is left out: ${first.folder}`,
  );
  await writeFile(record, whole);
});
