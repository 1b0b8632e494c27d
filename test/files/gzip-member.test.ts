import { crc32, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { GZIP_HEADER, GZIP_LAST_BLOCK, gzipTrailer, storedBlocks } from '../../src/files/gzip-member.ts';

test.each([0, 1, 65_534, 65_535, 65_536, 200_000])('%i stored bytes are read as they are', bytes => {
  const content = Buffer.alloc(bytes, 'stored ');
  const trailer = gzipTrailer(crc32(content), bytes);
  const member = Buffer.concat([GZIP_HEADER, ...storedBlocks(content), GZIP_LAST_BLOCK, trailer]);
  expect(gunzipSync(member).equals(content)).toBe(true);
  expect(member.length).toBe(bytes + 5 * Math.ceil(bytes / 65_535) + 20);
});

test('the length is kept modulo 2^32', () => {
  expect(gzipTrailer(1, 2 ** 32 + 7).readUInt32LE(4)).toBe(7);
  expect(gzipTrailer(0xffff_ffff, 0).readUInt32LE(0)).toBe(0xffff_ffff);
});
