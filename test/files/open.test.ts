import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, readFileSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createFileCalls,
  NotRegularFileError,
  openForAppendSync,
  openRegularFile,
  openRegularFileSync,
  readRegularFile,
} from '../../src/files/open.ts';
import { follow } from '../../src/files/tail.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'open-'));
  path = join(folder, 'file');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('a regular file is opened, by each reader', async () => {
  await writeFile(path, 'content');
  await using file = await openRegularFile(path);
  expect(await file.readFile('utf8')).toBe('content');
  expect(await readRegularFile(path)).toEqual(Buffer.from('content'));
  const { fd, stats } = openRegularFileSync(Buffer.from(path));
  expect(readFileSync(fd, 'utf8')).toBe('content');
  expect(stats.ino).toBe(fstatSync(fd, { bigint: true }).ino);
  closeSync(fd);
});

test('a file that is opened for appending keeps its content, and is made when it is missing', async () => {
  for (const line of ['one\n', 'two\n']) {
    const { fd } = openForAppendSync(path);
    writeSync(fd, line);
    closeSync(fd);
  }
  expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
});

test('what is missing is the system’s error, not one of its kind', async () => {
  await expect(openRegularFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(() => openRegularFileSync(path)).toThrow('ENOENT');
});

const READERS: readonly [string, (path: string) => unknown][] = [
  ['openRegularFile', openRegularFile],
  ['openRegularFileSync', async path => openRegularFileSync(path)],
  ['readRegularFile', readRegularFile],
  ['follow', async path => follow(path, { from: 'start', signal: AbortSignal.abort() }).next()],
];

const IMPOSTORS: readonly [string, () => unknown][] = [
  ['a pipe that nobody writes', () => execFileSync('mkfifo', [path])],
  ['a link', () => symlink('/etc/hostname', path)],
  ['a link to a pipe', linkToPipe],
  ['a link that leads nowhere', () => symlink(join(folder, 'nowhere'), path)],
  ['a device', () => symlink('/dev/zero', path)],
  ['a folder', () => mkdir(path)],
];

async function linkToPipe(): Promise<void> {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await symlink('pipe', path);
}

describe.each(IMPOSTORS)('%s', (_, make) => {
  test.each(READERS)('is refused at once by %s', async (_, open) => {
    await make();
    await expect(Promise.resolve().then(() => open(path))).rejects.toThrow(NotRegularFileError);
  });

  test('is nothing to append to', async () => {
    await make();
    expect(() => openForAppendSync(path)).toThrow(/not a regular file|EISDIR/);
  });
});

test('a pipe that somebody reads is nothing to append to either', async () => {
  execFileSync('mkfifo', [path]);
  const calls = createFileCalls();
  const fd = await calls.open(Buffer.from(path));
  expect(() => openForAppendSync(path)).toThrow(NotRegularFileError);
  await calls.close(fd);
});

test('a socket is refused by each reader', async () => {
  await using server = createServer().listen(path);
  await eventually(() => server.listening);
  for (const [, open] of READERS) await expect(open(path)).rejects.toThrow(NotRegularFileError);
});

test.each([
  ['fast', 100],
  ['slow', -1],
])('the calls on a disk that is %s follow no link, and wait for no writer of a pipe', async (_, slowMs) => {
  const calls = createFileCalls(slowMs);
  await symlink('/etc/hostname', path);
  await expect((async () => calls.open(Buffer.from(path)))()).rejects.toMatchObject({ code: 'ELOOP' });
  await expect((async () => calls.open(Buffer.from(path)))()).rejects.toMatchObject({ code: 'ELOOP' });
  await unlink(path);
  execFileSync('mkfifo', [path]);
  const fd = await calls.open(Buffer.from(path));
  expect((await calls.fstat(fd)).isFile()).toBe(false);
  await calls.close(fd);
});

test.each([
  ['a link', () => symlink('/etc/hostname', `${path}.new`)],
  ['a pipe', () => execFileSync('mkfifo', [`${path}.new`])],
])('a file that is followed ends in an error when it is replaced by %s', async (_, make) => {
  await writeFile(path, 'line\n');
  const reading = follow(path, { from: 'start', signal: new AbortController().signal });
  expect((await reading.next()).value).toEqual(Buffer.from('line\n'));
  await make();
  await rename(`${path}.new`, path);
  await expect(reading.next()).rejects.toThrow(NotRegularFileError);
});
