import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packed } from '../archive/packing.ts';
import { describeTree, growTree, temporaryFolder } from '../archive/trees.ts';
import { describeSparse, plantSparse, SPARSE_AS_PLANTED } from '../support/sparse.ts';
import { entriesOf, unpackInto } from './unpacking.ts';

test.each(['gzip', 'zstd', 'none'] as const)('%s: a tree comes back byte for byte', async codec => {
  using scratch = temporaryFolder();
  const tree = plant(scratch.path);
  const { archive, summary } = await packed(tree, { codec });
  const folder = join(scratch.path, 'unpacked');
  const { files, bytes, refused } = await unpackInto(folder, archive, 7_777);
  expect(refused).toEqual([]);
  expect({ files, bytes }).toEqual({ files: summary.files, bytes: summary.bytesIn });
  expect(describeTree(folder)).toEqual(describeTree(tree));
});

test.each([
  ['GNU tar', ['tar', '--format=gnu']],
  ['GNU tar, pax', ['tar', '--format=posix']],
  ['bsdtar, pax', ['bsdtar', '--format=pax']],
])('%s: its tree comes back as well', async (_, [program = '', ...options]) => {
  using scratch = temporaryFolder();
  const tree = plant(scratch.path);
  const made = spawnSync(program, [...options, '-C', tree, '-czf', '-', '.'], {
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    maxBuffer: 1 << 28,
  });
  const folder = join(scratch.path, 'unpacked');
  const { refused } = await unpackInto(folder, made.stdout);
  expect(refused).toEqual([]);
  expect(describeTree(folder)).toEqual(describeTree(tree));
});

test('sparse files come back with their holes', async () => {
  using scratch = temporaryFolder();
  const tree = join(scratch.path, 'tree');
  mkdirSync(tree);
  plantSparse(tree);
  writeFileSync(join(tree, 'beside'), 'beside');
  const { archive } = await packed(tree);
  const folder = join(scratch.path, 'unpacked');
  expect((await unpackInto(folder, archive)).refused).toEqual([]);
  expect(describeSparse(folder)).toEqual(SPARSE_AS_PLANTED);
});

test('content that is not asked for is passed over', async () => {
  using scratch = temporaryFolder();
  const tree = plant(scratch.path);
  const { archive, summary } = await packed(tree);
  let files = 0;
  for await (const { type, path, size } of entriesOf(archive)) {
    if (type !== 'file') continue;
    files += 1;
    expect(size).toBe(statSync(Buffer.concat([Buffer.from(`${tree}/`), path])).size);
  }
  expect(files).toBe(summary.files);
});

function plant(scratch: string): string {
  const tree = join(scratch, 'tree');
  mkdirSync(tree);
  growTree(tree, 1);
  return tree;
}
