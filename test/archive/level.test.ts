/** @module-tag slow */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seeded } from '../../scripts/bench/random.ts';
import { isCompressible } from '../../src/archive/compressible.ts';
import { followBottleneck } from '../../src/archive/level.ts';
import { pack } from '../../src/archive/pack.ts';
import { packed, packOptions } from './packing.ts';
import { temporaryFolder } from './trees.ts';

test('the level moves one at a time and stays between its bounds', () => {
  const level = followBottleneck({ min: 2, max: 4 }, 1);
  const seen = [level.take()];
  for (const move of [level.lower, level.raise, level.raise, level.raise, level.lower]) {
    move();
    seen.push(level.take());
  }
  level.skip();
  expect(seen).toEqual([2, 2, 3, 4, 4, 3]);
  expect(level.used()).toEqual({ 2: 2, 3: 2, 4: 2, stored: 1 });
});

test('a level that is fixed is kept', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'log'), Buffer.alloc(5_000_000, 'compress me '));
  const { summary } = await packed(folder.path, { level: { min: 5, max: 5 }, chunkBytes: 500 });
  expect(Object.keys(summary.levels)).toEqual(['5']);
});

test('while bytes wait for the uploader the level rises, and the network is told as the limit', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'log'), logLines(12_000_000));
  // Of an uploader that takes three times as long as the packing, on this machine, at this moment.
  const startMs = performance.now();
  const { chunks } = await packed(folder.path, { chunkBytes: 200_000, level: { min: 6, max: 6 } });
  const uploadMs = (3 * (performance.now() - startMs)) / chunks.length;
  const packing = pack(packOptions(folder.path, { chunkBytes: 200_000 }));
  for await (const _ of packing.chunks) await setTimeout(uploadMs);
  const { levels, limitedBy } = packing.summary();
  expect(Math.max(...Object.keys(levels).map(Number))).toBe(6);
  expect(limitedBy).toBe('network');
});

test('while the uploader waits for bytes the level falls', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'log'), logLines(40_000_000));
  const { summary } = await packed(folder.path, { chunkBytes: 1_000_000, threads: 1 });
  expect(summary.levels[1]).toBeGreaterThan(0);
});

test.each([
  ['gzip', { min: 9, max: 9 }, 'cpu'],
  ['zstd', { min: 9, max: 9 }, 'cpu'],
  ['none', { min: 1, max: 1 }, 'disk'],
] as const)(
  'while nobody waits for the network, the limit of %s at %o is the %s',
  async (codec, level, limit) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'log'), logLines(20_000_000));
    const { summary } = await packed(folder.path, { codec, level });
    expect(summary.limitedBy).toBe(limit);
  },
);

test('what is compressed already is stored, and the rest of the archive is not', async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'region'));
  writeFileSync(join(folder.path, 'agent.log'), logLines(5_000_000));
  writeFileSync(join(folder.path, 'region', 'r.0.0.mca'), seeded(1).noise(5_000_000));
  const { summary } = await packed(folder.path, { level: { min: 3, max: 3 } });
  expect(summary.levels).toEqual({ 3: expect.any(Number), stored: expect.any(Number) });
  expect(summary.bytesOut).toBeLessThan(7_500_000);
});

test.each([
  ['noise', seeded(2).noise(1 << 20), false],
  ['text', logLines(1 << 20), true],
  ['zeros', Buffer.alloc(1 << 20), true],
  [
    'all bytes in turn, whose frequencies look random',
    Buffer.alloc(
      1 << 20,
      Uint8Array.from({ length: 256 }, (_, i) => i),
    ),
    true,
  ],
  ['a few bytes', Buffer.from('abc'), true],
])('%s: worth compressing is %$', (_, bytes, expected) => {
  expect(isCompressible(bytes)).toBe(expected);
});

function logLines(bytes: number): Buffer {
  const random = seeded(bytes);
  const lines = Array.from({ length: 20_000 }, () => `${random.below(1e9)} at ${random.fraction()} ok\n`);
  return Buffer.alloc(bytes, lines.join(''));
}
