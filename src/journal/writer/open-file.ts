import { fstatSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { crc32OfZeros } from '../../files/crc32.ts';
import { isMissing } from '../../files/errno.ts';
import { dataBetween, type Span } from '../../files/holes.ts';
import { NotRegularFileError, openRegularFileSync } from '../../files/open.ts';
import type { Yielder } from '../../runtime/concurrency.ts';
import { errorText } from '../../runtime/text.ts';
import { type FileStat, toFileStat } from './file-stat.ts';
import { type Generation, type ReadAt, SLICE_BYTES } from './generation.ts';

/**
 * A file that is open for reading, one at a time; whoever opened it closes it. A small one is read at once, so that all
 * that is compared and sent of it is of one content, even while somebody rewrites it.
 */
export interface OpenFile {
  readonly fd: number;
  readonly stat: FileStat;
  /** On the disk, of 512 bytes each. */
  readonly blocks: number;
  /** Those that are worth it, once they have been looked for. */
  holes: readonly Span[];
  /** As it is now; of a small file as it was when it was read. */
  readonly statAgain: () => FileStat;
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
    const blocks = Number(stats.blocks);
    return readAtOnce(fd, stat, blocks) ?? readOnDemand(fd, stat, blocks);
  } catch (error) {
    const isGone = isMissing(error) || error instanceof NotRegularFileError;
    return { failed: isGone ? undefined : errorText(error) };
  }
}

/** A private copy, which nobody else writes to. @param stat the original's, with the copy's size */
export function openCopy(fd: number, stat: FileStat): OpenFile {
  return readOnDemand(fd, stat, 0, () => stat);
}

function readOnDemand(fd: number, stat: FileStat, blocks: number, statAgain = () => statOf(fd)): OpenFile {
  const file: OpenFile = {
    fd,
    stat,
    blocks,
    holes: [],
    statAgain,
    read: (offset, length) => readInto(file, SCRATCH.subarray(0, length), offset),
    readInto: (buffer, offset) => readInto(file, buffer, offset),
    fault: undefined,
  };
  return file;
}

/** undefined: it is large, it fails to be read, or it is changed again and again. */
function readAtOnce(fd: number, first: FileStat, blocks: number): OpenFile | undefined {
  const file = readOnDemand(fd, first, blocks);
  let stat = first;
  for (let attempt = 1; attempt <= ATTEMPTS && stat.size <= SLICE_BYTES; attempt += 1) {
    const content = file.readInto(CONTENT.subarray(0, stat.size), 0);
    if (file.fault !== undefined) return undefined;
    const after = statOf(fd);
    if (content.length === stat.size && isUntouched(stat, after))
      return { ...file, stat, ...withContent(stat, content) };
    stat = after;
  }
  return undefined;
}

function withContent(stat: FileStat, content: Buffer): Pick<OpenFile, 'statAgain' | 'read' | 'readInto'> {
  const read: ReadAt = (offset, length) => content.subarray(offset, offset + length);
  const copyInto = (buffer: Buffer, offset: number) =>
    buffer.subarray(0, content.copy(buffer, 0, offset, offset + buffer.length));
  return { statAgain: () => stat, read, readInto: copyInto };
}

/** A log that grows all the time is then read as it is: what has been read of it stays as it was. */
const ATTEMPTS = 20;
/** Of the small file that is open. */
const CONTENT = Buffer.allocUnsafeSlow(SLICE_BYTES);

function statOf(fd: number): FileStat {
  return toFileStat(fstatSync(fd, { bigint: true }));
}

/** Whether nobody has written to a file between two stats of it. */
export function isUntouched(before: FileStat, now: FileStat): boolean {
  return before.mtimeNs === now.mtimeNs && before.size === now.size;
}

/** Whether the file begins with the generation's bytes: reads all of them, but for holes. */
export async function hasCrc(
  { end, crc: expected }: Pick<Generation, 'end' | 'crc'>,
  file: OpenFile,
  pace: Yielder,
): Promise<boolean> {
  let [at, crc] = [0, 0];
  for (const span of dataBetween(file.holes, 0, end)) {
    crc = crc32OfZeros(span.offset - at, crc);
    at = span.offset + span.length;
    for (let slice = span.offset; slice < at; slice += SLICE_BYTES) {
      await pace();
      crc = crc32(file.read(slice, Math.min(SLICE_BYTES, at - slice)), crc);
    }
  }
  return crc32OfZeros(end - at, crc) === expected;
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
