import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isCompressible } from '../../src/archive/gzip.ts';
import { zlibDeflater } from '../../src/archive/zlib-deflater.ts';
import { createRandom } from '../support/random.ts';
import { packed } from './packing.ts';
import { temporaryFolder } from './trees.ts';

test.each(['gzip', 'zstd'] as const)('a higher level of %s gives a smaller archive', async codec => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'log'), logLines(5_000_000));
  const sizes = [];
  for (const level of [1, 6, 9]) sizes.push((await packed(folder.path, { codec, level })).summary.bytesOut);
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  expect(new Set(sizes).size).toBe(3);
});

test('what is compressed already is stored, and the rest of the archive is not', async () => {
  using folder = temporaryFolder();
  const [log, region] = [logLines(5_000_000), createRandom(1).noise(5_000_000)];
  mkdirSync(join(folder.path, 'region'));
  writeFileSync(join(folder.path, 'agent.log'), log);
  writeFileSync(join(folder.path, 'region', 'r.0.0.mca'), region);
  const { archive } = await packed(folder.path, { level: 3 });
  const holds = (content: Buffer) => archive.includes(content.subarray(3_000_000, 3_001_000));
  expect({ log: holds(log), region: holds(region) }).toEqual({ log: false, region: true });
  expect(archive.length).toBeLessThan(7_500_000);
});

test.each([
  ['noise', createRandom(2).noise(1 << 20), false],
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
])('%s: worth compressing is %$', async (_, bytes, expected) => {
  expect(await isCompressible(bytes, zlibDeflater())).toBe(expected);
});

function logLines(bytes: number): Buffer {
  const random = createRandom(bytes);
  const lines = Array.from({ length: 20_000 }, () => `${random.below(1e9)} at ${random.fraction()} ok\n`);
  return Buffer.alloc(bytes, lines.join(''));
}
