import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Makes sums of bytes that stay as they are until it has. It does not reject. */
export interface Sums {
  crc32(bytes: Buffer): Promise<number>;
  /** In hexadecimal. */
  sha256(bytes: Buffer): Promise<string>;
}

/** Makes them where it is called. */
export const sumsHere: Sums = {
  crc32: async bytes => crc32(bytes),
  sha256: async bytes => hash('sha256', bytes, 'hex'),
};
