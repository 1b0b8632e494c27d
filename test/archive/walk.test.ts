import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { survey, walk } from '../../src/archive/walk.ts';
import { asNobody } from '../support/nobody.ts';
import { packed } from './packing.ts';
import { BORDERS, growTree, temporaryFolder } from './trees.ts';

const signal = new AbortController().signal;

async function walked(
  root: string,
  globs: { include?: string[]; exclude?: string[]; excludedPaths?: string[] } = {},
) {
  const found = [];
  const selection = { root, include: [], exclude: [], excludedPaths: [], ...globs };
  for await (const batch of walk(selection, signal)) {
    for (const item of batch) {
      const path = item.path.toString();
      const mark = item.kind === 'directory' ? '/' : '';
      found.push(item.kind === 'skipped' ? `${path}: ${item.why}` : path + mark);
    }
  }
  return found;
}

/** Paths that end in a slash become folders. */
function make(root: string, paths: string[]): void {
  for (const path of paths) {
    mkdirSync(join(root, path.slice(0, path.lastIndexOf('/') + 1)), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(join(root, path), path);
  }
}

test('gives parents first, in the order of their names, empty folders too', async () => {
  using folder = temporaryFolder();
  make(folder.path, ['b/2', 'b/1', 'a', 'B', 'c/empty/', '.hidden']);
  expect(await walked(folder.path)).toEqual(['.hidden', 'B', 'a', 'b/', 'b/1', 'b/2', 'c/', 'c/empty/']);
});

test('included files come with the folders above them, and no other folders', async () => {
  using folder = temporaryFolder();
  make(folder.path, ['logs/deep/a.log', 'logs/b.txt', 'none/c.txt', 'd.log']);
  expect(await walked(folder.path, { include: ['*.log'] })).toEqual([
    'd.log',
    'logs/',
    'logs/deep/',
    'logs/deep/a.log',
  ]);
});

test('a folder that is included is taken whole', async () => {
  using folder = temporaryFolder();
  make(folder.path, ['world/data/x', 'world/empty/', 'y']);
  expect(await walked(folder.path, { include: ['world'] })).toEqual([
    'world/',
    'world/data/',
    'world/data/x',
    'world/empty/',
  ]);
});

test('an excluded folder is not entered, and exclusion is stronger than inclusion', async () => {
  using folder = temporaryFolder();
  make(folder.path, ['node_modules/a.log', 'a.log', 'b.log']);
  const globs = { include: ['*.log'], exclude: ['node_modules', 'b.*'] };
  expect(await walked(folder.path, globs)).toEqual(['a.log']);
});

test('the journal and the log of a database come with it, whatever the globs say of them', async () => {
  using folder = temporaryFolder();
  const files = ['a/world.db', 'a/world.db-journal', 'a/world.db-wal', 'a/world.db-shm', 'b-journal', 'b'];
  make(folder.path, [...files, 'c.db-wal']);
  for (const name of ['a/world.db', 'c.db']) writeFileSync(join(folder.path, name), 'SQLite format 3\0...');
  expect(await walked(folder.path, { include: ['a/*.db'] })).toEqual([
    'a/',
    'a/world.db',
    'a/world.db-journal',
    'a/world.db-wal',
  ]);
  const exclude = ['*-journal', '*-wal', '*-shm', 'c.db'];
  expect(await walked(folder.path, { exclude })).toEqual([
    'a/',
    'a/world.db',
    'a/world.db-journal',
    'a/world.db-wal',
    'b',
  ]);
});

test('a destination inside the root is left out', async () => {
  using folder = temporaryFolder();
  make(folder.path, ['sessions/1/logs.tar.gz', 'logs.tar.gz', 'a']);
  const excludedPaths = [join(folder.path, 'sessions'), join(folder.path, 'logs.tar.gz')];
  expect(await walked(folder.path, { excludedPaths })).toEqual(['a']);
});

test('sockets and named pipes are reported, links are not followed', async () => {
  using folder = temporaryFolder();
  const server = createServer().listen(join(folder.path, 'socket'));
  await once(server, 'listening');
  spawnSync('mkfifo', [join(folder.path, 'pipe')]);
  symlinkSync('/', join(folder.path, 'link'));
  expect(await walked(folder.path)).toEqual(['link', 'pipe: a named pipe', 'socket: a socket']);
  server.close();
});

test('a folder that cannot be read is kept as an entry, and reported', async () => {
  using folder = temporaryFolder();
  make(folder.path, ['secret/a', 'z']);
  chmodSync(folder.path, 0o755);
  chmodSync(join(folder.path, 'secret'), 0o000);
  const found = await asNobody(() => walked(folder.path));
  expect(found).toEqual(['secret/', 'secret: permission denied', 'z']);
});

test('a root that is not there is reported, and nothing is thrown', async () => {
  expect(await walked('/no/such/folder')).toEqual([': vanished']);
});

test('no archive is larger than the survey says, with any codec', async () => {
  using folder = temporaryFolder();
  growTree(folder.path, 11);
  for (const bytes of BORDERS) writeFileSync(join(folder.path, `border-${bytes}`), Buffer.alloc(bytes));
  const { archiveBytes, files, bytes } = await survey(
    { root: folder.path, include: [], exclude: [], excludedPaths: [] },
    signal,
  );
  for (const codec of ['none', 'gzip', 'zstd'] as const) {
    const { archive, summary } = await packed(folder.path, { codec });
    expect(archive.length).toBeLessThanOrEqual(archiveBytes);
    expect({ files, bytes }).toEqual({ files: summary.files, bytes: summary.bytesIn });
  }
});
