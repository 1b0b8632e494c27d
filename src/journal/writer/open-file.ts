import { constants, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { isMissing } from '../../files/errno.ts';
import { errorText } from '../../runtime/text.ts';
import type { Pace } from '../../runtime/yield.ts';
import { type FileStat, toFileStat } from './file-stat.ts';
import { type Generation, type ReadAt, SLICE_BYTES } from './generation.ts';

/** A file that is open for reading; whoever opened it closes it. */
export interface OpenFile {
  readonly fd: number;
  readonly stat: FileStat;
  /** The bytes are good until anything is read again. */
  readonly read: ReadAt;
  /** Fills the buffer, as far as there are bytes. @returns what was filled */
  readonly readInto: (into: Buffer, offset: number) => Buffer;
  /** Why the disk gave less than it was asked for. */
  fault: string | undefined;
}

/** @returns `failed`: why it cannot be opened; undefined: it has just gone. */
export function openFile(at: string | Buffer): OpenFile | { readonly failed: string | undefined } {
  try {
    // Whatever has taken the file's place meanwhile, a pipe blocks nobody and a link leads nowhere.
    const fd = openSync(at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = toFileStat(fstatSync(fd, { bigint: true }));
    const file: OpenFile = {
      fd,
      stat,
      read: (offset, length) => readInto(file, SCRATCH.subarray(0, length), offset),
      readInto: (into, offset) => readInto(file, into, offset),
      fault: undefined,
    };
    return file;
  } catch (error) {
    return { failed: isMissing(error) ? undefined : errorText(error) };
  }
}

/** Whether the file begins with the generation's bytes: reads them all. */
export async function hasCrc(generation: Generation, file: OpenFile, pace: Pace): Promise<boolean> {
  let crc = 0;
  for (let at = 0; at < generation.end; at += SLICE_BYTES) {
    await pace();
    crc = crc32(file.read(at, Math.min(SLICE_BYTES, generation.end - at)), crc);
  }
  return crc === generation.crc;
}

/** For bytes that are compared and forgotten: a buffer for each would leave megabytes to the garbage collector. */
const SCRATCH = Buffer.allocUnsafeSlow(SLICE_BYTES);

/** Less comes where the file ends, or where the disk has a fault: what stands before it is taken. */
function readInto(file: OpenFile, into: Buffer, offset: number): Buffer {
  let filled = 0;
  try {
    for (let count = -1; count !== 0 && filled < into.length; filled += count) {
      count = readSync(file.fd, into, filled, into.length - filled, offset + filled);
    }
  } catch (error) {
    file.fault = errorText(error);
  }
  return into.subarray(0, filled);
}
