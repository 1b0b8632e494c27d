import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { request } from '../../src/control-socket/client.ts';
import { STATE_FOLDER } from '../../src/control-socket/protocol.ts';
import { listenControlSocket, WorkdirInUseError } from '../../src/control-socket/server.ts';

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

test('a session answers while it listens, and no second one listens beside it', async () => {
  expect(await request(workdir, { ask: 'health' })).toBeUndefined();
  {
    await using _ = await listenControlSocket(workdir, handler);
    expect(await request(workdir, { ask: 'health' })).toEqual({ ok: true, text: 'playing' });
    expect(await request(workdir, { ask: 'say', line: 'hi' })).toEqual({ ok: true, text: 'hi' });
    await expect(listenControlSocket(workdir, handler)).rejects.toThrow(WorkdirInUseError);
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
