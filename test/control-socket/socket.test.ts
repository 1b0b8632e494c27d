import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { request } from '../../src/control-socket/client.ts';
import { lockWorkdir, WorkdirInUseError } from '../../src/control-socket/lock.ts';
import { STATE_FOLDER } from '../../src/control-socket/protocol.ts';
import { listenControlSocket } from '../../src/control-socket/server.ts';

let workdir: string;

beforeEach(async () => {
  workdir = await mkdtemp(join(tmpdir(), 'control-'));
});

afterEach(async () => {
  await rm(workdir, { recursive: true });
});

const handler = {
  sendCommand: async (line: string) => ({ ok: true, text: line }),
  health: () => ({ ok: true, text: 'playing' }),
};

test('a session answers while it listens', async () => {
  expect(await request(workdir, { ask: 'health' })).toBeUndefined();
  {
    await using _ = await listenControlSocket(workdir, handler);
    expect(await request(workdir, { ask: 'health' })).toEqual({ ok: true, text: 'playing' });
    expect(await request(workdir, { ask: 'say', line: 'hi' })).toEqual({ ok: true, text: 'hi' });
  }
  expect(await readdir(workdir)).toEqual([]);
});

test('a pipe in place of the state folder blocks neither side', async () => {
  execFileSync('mkfifo', [join(workdir, STATE_FOLDER)]);
  await expect(request(workdir, { ask: 'health' })).rejects.toThrow('ENOTDIR');
  await expect(listenControlSocket(workdir, handler)).rejects.toThrow('EEXIST');
});

test('a link in place of the state folder is not followed', async () => {
  await mkdir(join(workdir, 'elsewhere'));
  await symlink('elsewhere', join(workdir, STATE_FOLDER));
  await expect(request(workdir, { ask: 'health' })).rejects.toThrow('ENOTDIR');
  await expect(listenControlSocket(workdir, handler)).rejects.toThrow('ENOTDIR');
  expect(await readdir(join(workdir, 'elsewhere'))).toEqual([]);
});

test('of many sessions that begin at once in a folder one has it, until it gives it back', async () => {
  const locking = Array.from({ length: 8 }, () => lockWorkdir(workdir));
  const locks = await Promise.allSettled(locking);
  const held = locks.filter(lock => lock.status === 'fulfilled');
  expect(held).toHaveLength(1);
  for (const lock of locks)
    if (lock.status === 'rejected') expect(lock.reason).toBeInstanceOf(WorkdirInUseError);
  await held[0]?.value[Symbol.asyncDispose]();
  await using _ = await lockWorkdir(workdir);
});

test('a session is known by its control socket where its lock is in another network', async () => {
  {
    await using _socket = await listenControlSocket(workdir, handler);
    await expect(lockWorkdir(workdir)).rejects.toThrow(WorkdirInUseError);
  }
  await using _ = await lockWorkdir(workdir);
});

test('a pipe or a link in place of the state folder keeps no session out', async () => {
  await symlink('elsewhere', join(workdir, STATE_FOLDER));
  await using _ = await lockWorkdir(workdir);
  await expect(lockWorkdir(workdir)).rejects.toThrow(WorkdirInUseError);
});
