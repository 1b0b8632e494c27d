import { Header } from 'tar/header';
import { expect, test } from 'vitest';
import { encodeTarHeader, type TarHeader, tarEntryBytes, tarPadding } from '../../src/files/tar.ts';

const file = {
  type: 'file',
  path: Buffer.from('a/b.log'),
  size: 5,
  mode: 0o100644,
  mtimeMs: 1_600_000_000_999,
} as const;

function decode(header: TarHeader): Header {
  const bytes = encodeTarHeader(header);
  return new Header(bytes.subarray(-512));
}

test('a header is one block with mode, size and whole seconds, and no owner', () => {
  expect(encodeTarHeader(file).length).toBe(512);
  const header = decode(file);
  expect(header).toMatchObject({ path: 'a/b.log', mode: 0o644, size: 5, uid: 0, gid: 0, cksumValid: true });
  expect(header.mtime?.getTime()).toBe(1_600_000_000_000);
  expect([header.uname, header.gname]).toEqual(['', '']);
});

test('a size over 8 GiB is kept', () => {
  expect(decode({ ...file, size: 9 * 2 ** 30 + 1 }).size).toBe(9 * 2 ** 30 + 1);
});

test('a time before 1970 is kept', () => {
  expect(decode({ ...file, mtimeMs: -1500 }).mtime?.getTime()).toBe(-2000);
});

test.for([
  [99_999_999_999_999_000, 8.64e15],
  [-99_999_999_999_999_000, -8.64e15],
] as const)('a time of %d ms, which no Date holds, is the nearest that one does', ([mtimeMs, nearest]) => {
  expect(decode({ ...file, mtimeMs }).mtime?.getTime()).toBe(nearest);
});

test('setuid and the sticky bit are kept', () => {
  expect(decode({ ...file, mode: 0o107755 }).mode).toBe(0o7755);
});

test.each([
  ['short', Buffer.from('n'.repeat(99)), 512],
  ['of exactly 100 bytes', Buffer.from('n'.repeat(100)), 3 * 512],
  ['of 300 bytes', Buffer.from('n'.repeat(300)), 3 * 512],
  ['of 511 bytes', Buffer.from('n'.repeat(511)), 3 * 512],
  ['of 512 bytes', Buffer.from('n'.repeat(512)), 4 * 512],
  ['that is no UTF-8', Buffer.from([0x61, 0xff, 0xfe]), 3 * 512],
  ['of short UTF-8', Buffer.from('世界'), 512],
])('a name %s stands in the header or in a long-name entry, byte for byte', (_, path, bytes) => {
  const encoded = encodeTarHeader({ ...file, path });
  expect(encoded.length).toBe(bytes);
  const at = bytes === 512 ? 0 : 512;
  expect(encoded.subarray(at, at + path.length).equals(path)).toBe(true);
  expect(encoded[at + path.length]).toBe(0);
  expect(encoded.length).toBeLessThanOrEqual(tarEntryBytes(path.length, 0, 0));
});

test('a long target of a link is kept', () => {
  const target = Buffer.from('t'.repeat(4000));
  const encoded = encodeTarHeader({ ...file, type: 'link', size: 0, target });
  expect(encoded.includes(target)).toBe(true);
  expect(encoded.length).toBeLessThanOrEqual(tarEntryBytes(file.path.length, target.length, 0));
});

test('content is padded to whole blocks', () => {
  expect([0, 1, 511, 512, 513].map(tarPadding)).toEqual([0, 511, 1, 0, 511]);
});
