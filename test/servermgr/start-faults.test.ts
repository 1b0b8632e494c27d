/** @module-tag slow */

import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { createManagerFixture } from './support/manager.ts';
import { runProgram, startProgram } from './support/program.ts';
import { newVisitor } from './support/visitor.ts';

const listen = async () => ({ SERVERMGR_LISTEN: `127.0.0.1:${await freePort()}` });

test('a port that is taken is told, with what to do', async ({ onTestFinished }) => {
  await using fixture = await createManagerFixture();
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const { code, output } = await runProgram({ ...fixture.env, SERVERMGR_LISTEN: `127.0.0.1:${port}` });
  expect([code, output]).toEqual([
    64,
    `cannot listen on 127.0.0.1:${port}, address already in use (EADDRINUSE): end the program that listens there, or ` +
      'choose another port in SERVERMGR_LISTEN or PORT\n',
  ]);
});

test('a state folder that is none is told', async () => {
  await using fixture = await createManagerFixture();
  const state = join(fixture.folder, 'file');
  await writeFile(state, '');
  const { code, output } = await runProgram({ ...fixture.env, ...(await listen()), SERVERMGR_STATE: state });
  expect([code, output]).toEqual([
    64,
    `the state folder ${state} cannot be used, file already exists (EEXIST): make it a folder that this user may ` +
      'write, or name another one in SERVERMGR_STATE\n',
  ]);
});

test.for(['', 'short'])('a file with "%s" in place of a secret is told', async secret => {
  await using fixture = await createManagerFixture();
  const state = join(fixture.folder, 'state');
  await mkdir(state);
  const file = join(state, 'secret');
  await writeFile(file, secret);
  await chmod(file, 0o600);
  const { code, output } = await runProgram({ ...fixture.env, ...(await listen()) });
  expect([code, output]).toEqual([
    64,
    `${file} holds no secret, but ${secret.length} characters: delete it, and a new one is made, with which the cookies ` +
      'of before are not good any more\n',
  ]);
});

test('a second manager with the same database is refused, and the first goes on', async () => {
  await using fixture = await createManagerFixture();
  await using first = await startProgram(fixture.env, fixture.folder);
  const { code, output } = await runProgram({ ...fixture.env, ...(await listen()) });
  expect([code, output]).toEqual([
    64,
    `the database ${fixture.env.SERVERMGR_STATE}/servermgr.sqlite cannot be used, database is locked: another servermgr ` +
      'uses it: end that one, or let both share a Postgres, named in DATABASE_URL\n',
  ]);
  expect((await newVisitor(first.url).launch()).status).toBe(303);
});

test('a Postgres that does not answer is told, without its password', async () => {
  await using fixture = await createManagerFixture();
  const at = `127.0.0.1:${await freePort()}`;
  const url = `postgres://me:secret@${at}/sessions`;
  const { code, output } = await runProgram({ ...fixture.env, ...(await listen()), DATABASE_URL: url });
  expect([code, output]).toEqual([
    64,
    `the database postgres://me:…@${at}/sessions cannot be used, connection refused (ECONNREFUSED): set DATABASE_URL to ` +
      'a Postgres that answers, with ?sslmode=no-verify if it wants TLS\n',
  ]);
});
