import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createRegionCheck } from '../../src/minecraft/region-file.ts';
import { regionFile } from '../support/region.ts';

const SECTOR = 4096;

const sourceOf = (bytes: Buffer, mtimeMs = 0) => ({
  path: 'cuberite/world/region/r.0.0.mca',
  size: bytes.length,
  mtimeMs,
  read: (offset: number, length: number) => bytes.subarray(offset, offset + length),
});
const look = (bytes: Buffer, check = createRegionCheck()) => check.look(sourceOf(bytes));

test('region files are known by their names', () => {
  const { concerns } = createRegionCheck();
  expect(['world/region/r.-1.0.mca', 'level.dat', 'mca'].map(concerns)).toEqual([true, false, false]);
});

test('one that is whole is whole, and so is one without a chunk', async () => {
  const large = randomBytes(600_000);
  expect(await look(regionFile(['first', large, 'third']))).toBeUndefined();
  expect(await look(regionFile([]))).toBeUndefined();
  expect(await look(Buffer.alloc(0))).toBeUndefined();
});

test('one that was written to half a second ago may be written to again at once', async () => {
  const source = sourceOf(regionFile(['first']), Date.now());
  expect(await createRegionCheck().look(source)).toBe('it is being written');
});

describe('one is not whole', () => {
  test.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['without its tables', bytes => bytes.subarray(0, 5000), 'its tables are cut off'],
    [
      'whose last chunk is cut off',
      bytes => bytes.subarray(0, 4 * SECTOR),
      'its chunk 2 is behind the end of the file',
    ],
    [
      'with a chunk in its tables',
      bytes => edit(bytes, () => bytes.writeUInt32BE(0x101, 4)),
      'its chunk 1 is where the tables are',
    ],
    [
      'with a chunk of no sector',
      bytes => edit(bytes, () => bytes.writeUInt32BE(0x300, 4)),
      'its chunk 1 is where the tables are',
    ],
    [
      'with two chunks at one place',
      bytes => edit(bytes, () => bytes.writeUInt32BE(0x201, 4)),
      'its chunk 1 overlaps chunk 0',
    ],
    [
      'with a chunk that is longer than its sectors',
      bytes => edit(bytes, () => bytes.writeUInt32BE(5000, 2 * SECTOR)),
      'its chunk 0 is longer than its sectors',
    ],
    [
      'with a chunk of no length',
      bytes => edit(bytes, () => bytes.writeUInt32BE(0, 2 * SECTOR)),
      'its chunk 0 is longer than its sectors',
    ],
    [
      'with an unknown compression',
      bytes => edit(bytes, () => bytes.writeUInt8(9, 2 * SECTOR + 4)),
      'its chunk 0 is compressed in no way that is known',
    ],
    [
      'with a chunk half of which is another',
      bytes => edit(bytes, () => bytes.fill(0x11, 3 * SECTOR + 12, 3 * SECTOR + 20)),
      'its chunk 1 is not whole',
    ],
  ])('%s', async (_, damage, fault) => {
    const bytes = regionFile(['a chunk of some length', 'another one that has a length', 'a third']);
    expect(await look(damage(bytes))).toBe(fault);
  });
});

test('a chunk that was whole before is looked at again when its bytes are others', async () => {
  const check = createRegionCheck();
  const bytes = regionFile(['a chunk of some length', 'another one that has a length']);
  expect(await look(bytes, check)).toBeUndefined();
  const torn = edit(Buffer.from(bytes), copy => copy.fill(0x11, 2 * SECTOR + 12, 2 * SECTOR + 20));
  expect(await look(torn, check)).toBe('its chunk 0 is not whole');
  expect(await look(torn, check)).toBe('its chunk 0 is not whole');
  expect(await look(bytes, check)).toBeUndefined();
});

function edit(bytes: Buffer, change: (bytes: Buffer) => unknown): Buffer {
  change(bytes);
  return bytes;
}
