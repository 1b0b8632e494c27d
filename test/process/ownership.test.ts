import { execFileSync } from 'node:child_process';
import {
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { chownTree, makeWritableFor } from '../../src/process/ownership.ts';

const isRoot = process.getuid?.() === 0;
/** Only root gives things away; anybody may give them to themselves. */
const user = {
  uid: isRoot ? 4_711 : (process.getuid?.() ?? 0),
  gid: isRoot ? 4_712 : (process.getgid?.() ?? 0),
  name: undefined,
  home: undefined,
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hand-over-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const ownerOf = (name: string) => lstatSync(join(folder, name)).uid;

test('a shared folder is writable for the user, and sticky', async () => {
  const somebodyElse = { ...user, uid: user.uid + 1 };
  await makeWritableFor(folder, somebodyElse);
  const { gid, mode } = lstatSync(folder);
  expect([gid, mode & 0o7777]).toEqual([user.gid, 0o1770]);
  await makeWritableFor(folder, somebodyElse);
  expect(lstatSync(folder).mode & 0o7777).toBe(0o1770);
});

test.runIf(isRoot)('in a shared folder the user makes files, and removes only those', async () => {
  chownSync(folder, user.uid, user.gid);
  writeFileSync(join(folder, 'ours'), '');
  await makeWritableFor(folder, user);
  const attempt = (script: string) =>
    execFileSync('/bin/sh', ['-c', script], { cwd: folder, uid: user.uid, gid: user.gid, stdio: 'pipe' });
  attempt('echo a >theirs && mv theirs still-theirs && rm still-theirs');
  expect(() => attempt('mv ours theirs')).toThrow('not permitted');
  expect(() => attempt('rm -f ours')).toThrow('not permitted');
  expect(ownerOf('.')).toBe(0);
});

test('a tree is given whole, without what its links lead to', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'hand-over-outside-'));
  try {
    mkdirSync(join(folder, 'world/region'), { recursive: true });
    writeFileSync(join(folder, 'world/region/r.0.0.mca'), '');
    writeFileSync(join(folder, 'has-a-second-name'), '');
    linkSync(join(folder, 'has-a-second-name'), join(outside, 'second-name'));
    symlinkSync(outside, join(folder, 'link'));
    await chownTree(folder, user);
    const given = ['.', 'world', 'world/region', 'world/region/r.0.0.mca', 'link'];
    expect(given.map(ownerOf)).toEqual(given.map(() => user.uid));
    expect(ownerOf('has-a-second-name')).toBe(process.getuid?.());
    expect(lstatSync(outside).uid).toBe(process.getuid?.());
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test('what cannot be given away is an exception', async () => {
  chownSync(folder, user.uid, user.gid);
  if (isRoot) process.seteuid?.(user.uid);
  try {
    await expect(chownTree(folder, { ...user, uid: 0 })).rejects.toThrow('EPERM');
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
