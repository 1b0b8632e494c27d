import { TAR_BLOCK_BYTES } from '../files/tar.ts';
import { DamagedArchiveError } from './decode.ts';

/**
 * One header block: ustar (POSIX.1-1988) or GNU's, as our archives and those of `tar -czf` have them.
 * https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
export interface RawHeader {
  /** The type flag, one character. */
  readonly type: string;
  readonly path: Buffer;
  readonly target: Buffer;
  /** Bytes of content that follow. */
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
}

/**
 * Reads a header block.
 * @param at where it is in the tar, for the error
 * @throws {DamagedArchiveError}
 */
export function readTarHeader(block: Buffer, at: number): RawHeader {
  const magic = block.toString('latin1', 257, 262);
  if (magic !== 'ustar' || readNumber(block, 148, 8) !== checksum(block))
    throw new DamagedArchiveError(`no tar header where one should be, at byte ${at}`);
  const [size, mode, mtime] = [
    readNumber(block, 124, 12),
    readNumber(block, 100, 8),
    readNumber(block, 136, 12),
  ];
  if (size === undefined || size < 0 || mode === undefined || mtime === undefined)
    throw new DamagedArchiveError(`a tar header with something else than numbers, at byte ${at}`);
  return {
    type: block.toString('latin1', 156, 157),
    path: pathOf(block),
    target: upToNul(block.subarray(157, 257)),
    size,
    mode,
    mtimeMs: mtime * 1_000,
  };
}

/** GNU's headers have something else where ustar's have the beginning of a long path. */
function pathOf(block: Buffer): Buffer {
  const name = upToNul(block.subarray(0, 100));
  const isUstar = block[262] === 0;
  const prefix = isUstar ? upToNul(block.subarray(345, 500)) : Buffer.alloc(0);
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** Octal digits; or in base 256, two's complement, where the first bit is set. @returns undefined for anything else */
function readNumber(block: Buffer, at: number, bytes: number): number | undefined {
  const field = block.subarray(at, at + bytes);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const number = Buffer.from(field);
    number[0] = (field[0] ?? 0) & 0x40 ? (field[0] ?? 0) : (field[0] ?? 0) & 0x7f;
    const value = Number(BigInt.asIntN(bytes * 8, BigInt(`0x${number.toString('hex')}`)));
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
  if (digits === '') return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** The sum of the header's bytes, with blanks in place of the checksum field. */
function checksum(block: Buffer): number {
  let sum = 0;
  for (const [i, byte] of block.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte;
  return sum;
}

/** A text that a NUL ends, or its field. */
export function upToNul(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** Two such blocks end a tar. */
export function isEmptyBlock(block: Buffer): boolean {
  return block.length === TAR_BLOCK_BYTES && isZeros(block);
}

const ZEROS = Buffer.alloc(65_536);

/** Compared as a whole: of an archive of nothing but zeros there may be gigabytes. */
export function isZeros(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const some = bytes.subarray(at, at + ZEROS.length);
    if (!some.equals(ZEROS.subarray(0, some.length))) return false;
  }
  return true;
}
