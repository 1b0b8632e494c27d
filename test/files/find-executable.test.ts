import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findExecutable } from '../../src/files/find-executable.ts';

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'find-'));
  for (const folder of ['one', 'two']) await mkdir(join(cwd, folder));
});

afterEach(async () => {
  await rm(cwd, { recursive: true });
});

test('the first executable file in PATH is found: no folder, no file without the permission', async () => {
  await mkdir(join(cwd, 'one', 'folder'));
  await writeFile(join(cwd, 'one', 'text'), '', { mode: 0o644 });
  for (const name of ['folder', 'text', 'other']) {
    await writeFile(join(cwd, 'two', name), '', { mode: 0o755 });
  }
  const path = `${cwd}/one:${cwd}/missing:${cwd}/two`;
  for (const name of ['folder', 'text', 'other']) {
    expect(await findExecutable(name, { path, cwd })).toBe(join(cwd, 'two', name));
  }
  expect(await findExecutable('nothing', { path, cwd })).toBeUndefined();
});

test('relative and empty entries of PATH start from the folder that the program would run in', async () => {
  await writeFile(join(cwd, 'here'), '', { mode: 0o755 });
  await writeFile(join(cwd, 'one', 'there'), '', { mode: 0o755 });
  expect(await findExecutable('here', { path: '/nowhere:', cwd })).toBe(join(cwd, 'here'));
  expect(await findExecutable('there', { path: 'two:one', cwd })).toBe(join(cwd, 'one', 'there'));
});

test('a name with a slash is a path, and may be a link', async () => {
  await writeFile(join(cwd, 'one', 'program'), '', { mode: 0o755 });
  await symlink('one/program', join(cwd, 'link'));
  expect(await findExecutable('./link', { path: '', cwd })).toBe(join(cwd, 'link'));
  expect(await findExecutable('one/program', { path: '', cwd })).toBe(join(cwd, 'one', 'program'));
  expect(await findExecutable('two/program', { path: join(cwd, 'one'), cwd })).toBeUndefined();
});

test('without a PATH the usual folders are searched, as the kernel’s library does', async () => {
  expect(await findExecutable('sh', { path: undefined, cwd })).toBe('/bin/sh');
});
