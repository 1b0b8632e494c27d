/**
 * The parts of one gzip member (RFC 1952): header, deflate blocks (RFC 1951), GZIP_LAST_BLOCK, trailer. The blocks come
 * from elsewhere, and each of them ends at a byte boundary.
 */

/** No name, no time, system unknown: the same content gives the same bytes. */
export const GZIP_HEADER: Buffer = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** An empty block with the flag of the last one. */
export const GZIP_LAST_BLOCK: Buffer = Buffer.from([0x03, 0x00]);

/** CRC-32 and length, both of the uncompressed content; the length is kept modulo 2^32. */
export function gzipTrailer(crc32: number, bytes: number): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32, 0);
  trailer.writeUInt32LE(bytes % 2 ** 32, 4);
  return trailer;
}

/** Bytes as stored, not compressed deflate blocks: 5 bytes more for each 65,535. */
export function storedBlocks(bytes: Buffer): Buffer[] {
  const blocks = [];
  for (let at = 0; at < bytes.length; at += MAX_STORED_BYTES) {
    const stored = bytes.subarray(at, at + MAX_STORED_BYTES);
    const header = Buffer.alloc(5);
    header.writeUInt16LE(stored.length, 1);
    header.writeUInt16LE(stored.length ^ 0xffff, 3);
    blocks.push(header, stored);
  }
  return blocks;
}

const MAX_STORED_BYTES = 65_535;
