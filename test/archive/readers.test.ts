import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { crc32, createInflateRaw, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { packed } from './packing.ts';
import { READERS, unpack } from './readers.ts';
import { describeTree, growTree, temporaryFolder } from './trees.ts';

const SEEDS = [1, 2, 3];
/** One tree shows most of it; the others are for who has the time. */
const tagsOf = (seed: number) => (seed === 1 ? [] : ['slow']);

describe.each(READERS)('$name', reader => {
  for (const seed of SEEDS) {
    test(`gives back the tree of seed ${seed} byte for byte`, { tags: tagsOf(seed) }, async () => {
      using scratch = temporaryFolder();
      const tree = plant(scratch.path, seed);
      const { archive } = await packed(tree, { codec: 'gzip', chunkBytes: 1 + seed * 77_777 });
      expect(unpack(reader, archive, scratch.path, describeTree)).toEqual(describeTree(tree));
    });
  }
});

for (const seed of SEEDS) {
  test(`every codec holds the same tar of the tree of seed ${seed}`, { tags: tagsOf(seed) }, async () => {
    using scratch = temporaryFolder();
    const tree = plant(scratch.path, seed);
    const { archive: tar } = await packed(tree, { codec: 'none' });
    const gzip = await packed(tree, { codec: 'gzip' });
    const zstd = await packed(tree, { codec: 'zstd' });
    expect(gunzipSync(gzip.archive).equals(tar)).toBe(true);
    expect(zstdDecompressSync(zstd.archive).equals(tar)).toBe(true);
  });
}

test('a gzip archive is one member, which readers that know no second one read to its end', async () => {
  using scratch = temporaryFolder();
  const tree = plant(scratch.path, 4);
  const { archive } = await packed(tree);
  const { archive: tar } = await packed(tree, { codec: 'none' });
  // Deflate data says itself where it ends: this reader would tell if a second member followed.
  const inflate = createInflateRaw();
  inflate.end(archive.subarray(10));
  expect((await buffer(inflate)).equals(tar)).toBe(true);
  expect(inflate.bytesWritten).toBe(archive.length - 10 - 8);
  expect(archive.readUInt32LE(archive.length - 8)).toBe(crc32(tar));
  expect(archive.readUInt32LE(archive.length - 4)).toBe(tar.length);
});

test('a browser’s DecompressionStream reads a gzip archive', async () => {
  using scratch = temporaryFolder();
  const tree = plant(scratch.path, 5);
  const { archive } = await packed(tree);
  const stream = new Blob([new Uint8Array(archive)]).stream().pipeThrough(new DecompressionStream('gzip'));
  const tar = Buffer.from(await new Response(stream).arrayBuffer());
  expect(tar.equals((await packed(tree, { codec: 'none' })).archive)).toBe(true);
});

test('gzip -t finds no fault', async () => {
  using scratch = temporaryFolder();
  const { archive } = await packed(plant(scratch.path, 6));
  expect(spawnSync('gzip', ['-t'], { input: archive }).stderr.toString()).toBe('');
});

test('the same tree gives the same bytes', async () => {
  using scratch = temporaryFolder();
  const tree = plant(scratch.path, 7);
  const first = await packed(tree, { threads: 1 });
  const second = await packed(tree, { threads: 4 });
  expect(second.summary.sha256).toBe(first.summary.sha256);
});

function plant(scratch: string, seed: number): string {
  const tree = join(scratch, 'tree');
  mkdirSync(tree);
  growTree(tree, seed);
  return tree;
}
