import { expect, test } from 'vitest';
import {
  isWholeArchive,
  MAX_PARTS,
  MIN_PART_BYTES,
  partBytes,
  partsInFlight,
} from '../../../src/store/s3/part-size.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

test.for([0, 1, 100 * MiB, 10 * GiB, 48.8 * GiB, 48.9 * GiB, 200 * GiB, 5 * 1024 * GiB])(
  'an archive of %d bytes fits into the parts that S3 takes, with a tenth to spare',
  expected => {
    const bytes = partBytes(expected);
    expect(bytes).toBeGreaterThanOrEqual(MIN_PART_BYTES);
    expect(bytes % MiB).toBe(0);
    expect(Math.ceil((expected * 1.1) / bytes)).toBeLessThanOrEqual(MAX_PARTS);
  },
);

test('parts are no larger than they need to be', () => {
  expect(partBytes(10 * GiB)).toBe(8 * MiB);
  expect(partBytes(200 * GiB)).toBe(23 * MiB);
});

test('what is in flight is bounded, but never a single part', () => {
  expect(partsInFlight(8 * MiB)).toBe(4);
  expect(partsInFlight(23 * MiB)).toBe(2);
  expect(partsInFlight(600 * MiB)).toBe(2);
});

test('a first chunk that is no part in size is the whole archive', () => {
  expect([0, 1, MiB, MIN_PART_BYTES - 1, 8 * MiB - 1, 8 * MiB + 1].map(isWholeArchive)).not.toContain(false);
  expect([MIN_PART_BYTES, 8 * MiB, 23 * MiB].map(isWholeArchive)).not.toContain(true);
});
