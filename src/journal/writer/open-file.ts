import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { isMissing } from '../../files/errno.ts';
import { NotRegularFileError, openRegularFileSync } from '../../files/open.ts';
import type { Yielder } from '../../runtime/concurrency.ts';
import { errorText } from '../../runtime/text.ts';
import { type FileStat, toFileStat } from './file-stat.ts';
import { type Generation, type ReadAt, SLICE_BYTES } from './generation.ts';

/** A file that is open for reading; whoever opened it closes it. */
export interface OpenFile {
  readonly fd: number;
  readonly stat: FileStat;
  /** The bytes are valid until the next read of any file. */
  readonly read: ReadAt;
  /** Fills the buffer, as far as there are bytes. @returns what was filled */
  readonly readInto: (buffer: Buffer, offset: number) => Buffer;
  /** Why the last read failed. */
  fault: string | undefined;
}

/** @returns `failed`: why it cannot be opened; undefined: it has just been removed, or replaced by something else. */
export function openFile(path: string | Buffer): OpenFile | { readonly failed: string | undefined } {
  try {
    const { fd, stats } = openRegularFileSync(path);
    const stat = toFileStat(stats);
    const file: OpenFile = {
      fd,
      stat,
      read: (offset, length) => readInto(file, SCRATCH.subarray(0, length), offset),
      readInto: (buffer, offset) => readInto(file, buffer, offset),
      fault: undefined,
    };
    return file;
  } catch (error) {
    const isGone = isMissing(error) || error instanceof NotRegularFileError;
    return { failed: isGone ? undefined : errorText(error) };
  }
}

/** Whether the file begins with the generation's bytes: reads all of them. */
export async function hasCrc(generation: Generation, file: OpenFile, pace: Yielder): Promise<boolean> {
  let crc = 0;
  for (let at = 0; at < generation.end; at += SLICE_BYTES) {
    await pace();
    crc = crc32(file.read(at, Math.min(SLICE_BYTES, generation.end - at)), crc);
  }
  return crc === generation.crc;
}

/** For bytes that are only compared: a buffer for each read would leave megabytes to the garbage collector. */
const SCRATCH = Buffer.allocUnsafeSlow(SLICE_BYTES);

/** Fewer bytes come where the file ends or the disk fails: those before that are used. */
function readInto(file: OpenFile, buffer: Buffer, offset: number): Buffer {
  let filled = 0;
  try {
    for (let count = -1; count !== 0 && filled < buffer.length; filled += count) {
      count = readSync(file.fd, buffer, filled, buffer.length - filled, offset + filled);
    }
  } catch (error) {
    file.fault = errorText(error);
  }
  return buffer.subarray(0, filled);
}
