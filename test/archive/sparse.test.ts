import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { survey } from '../../src/archive/walk.ts';
import { describeSparse, plantSparse, SPARSE_AS_PLANTED } from '../support/sparse.ts';
import { packed, packOptions } from './packing.ts';
import { READERS, unpack } from './readers.ts';
import { temporaryFolder } from './trees.ts';

test.each(READERS)('$name gives sparse files back with their holes', { tags: ['slow'] }, async reader => {
  using scratch = temporaryFolder();
  const tree = join(scratch.path, 'tree');
  fs.mkdirSync(tree);
  plantSparse(tree);
  fs.writeFileSync(join(tree, 'beside'), 'beside');
  const { archive, summary } = await packed(tree);
  expect(summary).toMatchObject({ files: 4, skipped: { total: 0 }, changed: { total: 0 } });
  const unpacked = unpack(reader, archive, scratch.path, describeSparse);
  expect(unpacked).toEqual(SPARSE_AS_PLANTED);
});

test('holes are not read, and not counted', async () => {
  using folder = temporaryFolder();
  plantSparse(folder.path);
  const { selection, signal } = packOptions(folder.path);
  const expected = await survey(selection, signal);
  const { archive } = await packed(folder.path, { codec: 'none' });
  expect(expected.bytes).toBeLessThan(100_000);
  expect(archive.length).toBeLessThan(expected.archiveBytes);
});
