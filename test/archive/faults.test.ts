import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createBlockBuffer } from '../../src/archive/block-buffer.ts';
import { type OpenedEntry, openEntry } from '../../src/archive/open-entry.ts';
import { pack } from '../../src/archive/pack.ts';
import { cappedList } from '../../src/archive/skipped.ts';
import { putStart, restBlocks } from '../../src/archive/tar-stream.ts';
import { createFileCalls } from '../../src/files/open.ts';
import { tarPadding } from '../../src/files/tar.ts';
import { asNobody } from '../support/nobody.ts';
import { packed, packOptions } from './packing.ts';
import { temporaryFolder } from './trees.ts';

const LARGE = 200_000;

// Every fault is met by both: synchronous calls, and those of a disk that was slow once.
const SPEEDS = [
  { name: 'a quick disk', slowMs: Infinity },
  { name: 'a slow disk', slowMs: -1 },
];

const open = (folder: string, name: string, slowMs: number) => {
  const [path, absolute] = [Buffer.from(name), Buffer.from(join(folder, name))];
  return openEntry({ kind: 'file', path, absolute }, createFileCalls(slowMs));
};

async function openFile(folder: string, name: string): Promise<OpenedEntry> {
  const opened = await open(folder, name, Infinity);
  if ('skipped' in opened) throw new Error(opened.skipped);
  return opened;
}

async function refusal(folder: string, name: string, slowMs: number): Promise<string> {
  const opened = await open(folder, name, slowMs);
  return 'skipped' in opened ? opened.skipped : 'opened';
}

/** The content as the archive has it, and what is reported of it. */
async function archived(entry: OpenedEntry) {
  const tally = { files: 0, directories: 0, links: 0, bytesRead: 0 };
  const events = { tally, skipped: cappedList(), changed: cappedList() };
  const buffer = createBlockBuffer(1 << 17, []);
  const blocks = [putStart(entry, buffer, events)];
  if (entry.fd !== undefined) {
    const rest = restBlocks(entry, entry.fd, buffer, events, new AbortController().signal);
    for await (const block of rest) blocks.push(block);
  }
  const bytes = Buffer.concat([...blocks.filter(block => block !== undefined), buffer.last()]);
  expect(bytes.length).toBe(512 + entry.header.size + tarPadding(entry.header.size));
  return { content: bytes.subarray(512, 512 + entry.header.size), changed: events.changed.summary().first };
}

test('a file that shrinks while it is read is filled up with zeros, and reported', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'shrinks');
  writeFileSync(path, Buffer.alloc(LARGE, 'x'));
  const entry = await openFile(folder.path, 'shrinks');
  truncateSync(path, 100_000);
  const { content, changed } = await archived(entry);
  expect(content.equals(Buffer.concat([Buffer.alloc(100_000, 'x'), Buffer.alloc(100_000)]))).toBe(true);
  expect(changed).toEqual([
    { path: 'shrinks', why: 'ended after 100000 of 200000 bytes: filled up with zeros' },
  ]);
});

test('a file that grows while it is read is cut at its first size, and reported', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'grows');
  writeFileSync(path, Buffer.alloc(LARGE, 'x'));
  const entry = await openFile(folder.path, 'grows');
  appendFileSync(path, 'more');
  const { content, changed } = await archived(entry);
  expect(content.equals(Buffer.alloc(LARGE, 'x'))).toBe(true);
  expect(changed).toEqual([{ path: 'grows', why: 'grew while it was read: cut at its first size' }]);
});

test('a file that is deleted while it is read is archived whole', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'goes'), Buffer.alloc(LARGE, 'x'));
  const entry = await openFile(folder.path, 'goes');
  rmSync(join(folder.path, 'goes'));
  expect(await archived(entry)).toEqual({ content: Buffer.alloc(LARGE, 'x'), changed: [] });
});

test('a read that fails in the middle keeps what was read, fills up with zeros, and is reported', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'fails'), Buffer.alloc(LARGE, 'x'));
  const entry = await openFile(folder.path, 'fails');
  // Reading a folder's descriptor fails, as a disk's fault would.
  const { content, changed } = await archived({ ...entry, fd: openSync(folder.path, 'r') });
  expect(content.subarray(0, entry.head.length).equals(entry.head)).toBe(true);
  expect(content.subarray(entry.head.length).equals(Buffer.alloc(LARGE - entry.head.length))).toBe(true);
  expect(changed[0]?.why).toBe(`EISDIR after ${entry.head.length} of 200000 bytes: filled up with zeros`);
});

test.each(SPEEDS)('what is no longer the file that was found is reported, with $name', async ({ slowMs }) => {
  using folder = temporaryFolder();
  spawnSync('mkfifo', [join(folder.path, 'pipe')]);
  symlinkSync('/etc/passwd', join(folder.path, 'link'));
  mkdirSync(join(folder.path, 'folder'));
  writeFileSync(join(folder.path, 'file'), '');
  expect(await refusal(folder.path, 'gone', slowMs)).toBe('vanished');
  expect(await refusal(folder.path, 'pipe', slowMs)).toBe('a named pipe');
  expect(await refusal(folder.path, 'link', slowMs)).toBe('became a symbolic link');
  expect(await refusal(folder.path, 'folder', slowMs)).toBe('became a folder');
  expect(await refusal(folder.path, 'file/below', slowMs)).toBe('vanished');
  expect(await refusal(folder.path, 'n'.repeat(300), slowMs)).toBe('path too long');
  expect(await refusal(folder.path, 'file', slowMs)).toBe('opened');
});

test('a file that must not be read is left out and reported, and the others are archived', async () => {
  using folder = temporaryFolder();
  chmodSync(folder.path, 0o755);
  for (const name of ['a', 'b', 'c']) writeFileSync(join(folder.path, name), name);
  chmodSync(join(folder.path, 'b'), 0);
  const { summary } = await asNobody(() => packed(folder.path));
  expect(summary).toMatchObject({
    files: 2,
    skipped: { total: 1, first: [{ path: 'b', why: 'permission denied' }] },
  });
});

test('files that vanish during the walk are reported, and the others are archived', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, '0'), Buffer.alloc(3_000_000));
  for (let i = 100; i < 300; i++) writeFileSync(join(folder.path, String(i)), 'small');
  const packing = pack(packOptions(folder.path, { codec: 'none', chunkBytes: 1000 }));
  let isFirst = true;
  for await (const _ of packing.chunks) {
    if (isFirst) rmSync(join(folder.path, '299'));
    isFirst = false;
  }
  expect(packing.summary()).toMatchObject({
    files: 200,
    skipped: { first: [{ path: '299', why: 'vanished' }] },
  });
});

test('of a million faults the first are named and all are counted', () => {
  const list = cappedList(3);
  for (let i = 0; i < 1_000_000; i++) list.add(Buffer.from(String(i)), 'vanished');
  expect(list.summary().total).toBe(1_000_000);
  expect(list.summary().first.map(({ path }) => path)).toEqual(['0', '1', '2']);
});

test('a time that no archive keeps is named', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'late'), 'late');
  const entry = await openFile(folder.path, 'late');
  const { changed } = await archived({ ...entry, header: { ...entry.header, mtimeMs: 1e17 } });
  expect(changed).toMatchObject([{ path: 'late', why: expect.stringContaining('nearest') }]);
});
