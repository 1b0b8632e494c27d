import fs from 'node:fs';
import { promisify } from 'node:util';
import { describeFsError } from '../files/errno.ts';
import { dataBetween, lengthOf } from '../files/holes.ts';
import { createFileCalls } from '../files/open.ts';
import { encodeSparseHeader } from '../files/sparse-tar.ts';
import { END_OF_TAR, encodeTarHeader, type TarHeader, tarPadding } from '../files/tar.ts';
import { isBeyondDates } from '../files/times.ts';
import { mapConcurrently } from '../runtime/concurrency.ts';
import { type BlockBuffer, createBlockBuffer } from './block-buffer.ts';
import { type OpenedEntry, type OpenResult, openEntry } from './open-entry.ts';
import type { CappedList } from './skipped.ts';
import type { Entry } from './walk.ts';

export interface TarOptions {
  /** The size of each block but the last. */
  readonly blockBytes: number;
  /** Blocks to fill again: whoever has used one up pushes it. */
  readonly freeBuffers: Buffer[];
  readonly events: PackEvents;
  readonly signal: AbortSignal;
}

/** What happens to the files while they are read. */
export interface PackEvents {
  readonly tally: Tally;
  readonly skipped: CappedList;
  readonly changed: CappedList;
  /** How many bytes of a file's content are in the archive; told again where the file ends early. */
  readonly onFile?: ((path: Buffer, bytes: number) => void) | undefined;
  /** Called with each entry, and where its first header begins in the tar. */
  readonly onEntry?: ((header: TarHeader, at: number) => void) | undefined;
}

export interface Tally {
  files: number;
  directories: number;
  links: number;
  /** Content of files that has been read. */
  bytesRead: number;
}

/**
 * A tar archive in blocks of one size, into which large files are read directly. No fault of a file fails it: what
 * cannot be opened is skipped, what ends early is filled up with zeros to the size in its header, what has grown is cut
 * there.
 */
export async function* tarBlocks(
  batches: AsyncIterable<readonly Entry[]>,
  { blockBytes, freeBuffers, events, signal }: TarOptions,
): AsyncGenerator<Buffer> {
  const buffer = createBlockBuffer(blockBytes, freeBuffers);
  const files = createFileCalls();
  const open = (batch: readonly Entry[]) => Promise.all(batch.map(entry => openEntry(entry, files)));
  for await (const batch of mapConcurrently(batches, BATCHES_AHEAD, open, closeAll)) {
    // Files from here to the end of the batch are closed below; the one before by restBlocks.
    let started = 0;
    try {
      for (const opened of batch) {
        if ('skipped' in opened) events.skipped.add(opened.path, opened.skipped);
        else {
          const full = putStart(opened, buffer, events);
          if (full !== undefined) yield full;
        }
        started += 1;
        if ('fd' in opened && opened.fd !== undefined) {
          yield* restBlocks(opened, opened.fd, buffer, events, signal);
        }
      }
    } finally {
      await closeAll(batch.slice(started));
    }
  }
  const full = buffer.put(END_OF_TAR);
  if (full !== undefined) yield full;
  if (buffer.last().length > 0) yield buffer.last();
}

const BATCHES_AHEAD = 2;
const ZEROS = Buffer.alloc(65_536);
const GREW = 'grew while it was read: cut at its first size';
const NEAREST_TIME = 'has a time that no archive keeps: it has the nearest there';

const read = promisify(fs.read);
const fstat = promisify(fs.fstat);
const close = promisify(fs.close);

async function closeAll(batch: readonly OpenResult[]): Promise<void> {
  for (const opened of batch) {
    if ('fd' in opened && opened.fd !== undefined) await close(opened.fd);
  }
}

/**
 * Puts the header and the first bytes, and the padding of a file that is complete with them: less than a block in all.
 * @returns the block that became full
 */
export function putStart(
  { header, head, grew, fd, holes }: OpenedEntry,
  buffer: BlockBuffer,
  events: PackEvents,
): Buffer | undefined {
  count(events.tally, header);
  events.tally.bytesRead += head.length;
  if (header.type === 'file') events.onFile?.(header.path, header.size);
  events.onEntry?.(header, buffer.position());
  if (grew) events.changed.add(header.path, GREW);
  if (isBeyondDates(header.mtimeMs)) events.changed.add(header.path, NEAREST_TIME);
  const encoded = holes.length > 0 ? encodeSparseHeader(header, holes) : encodeTarHeader(header);
  const fullByHeader = buffer.put(encoded);
  const fullByHead = buffer.put(head);
  const fullByPadding = fd === undefined ? buffer.put(ZEROS, tarPadding(header.size)) : undefined;
  return fullByHeader ?? fullByHead ?? fullByPadding;
}

function count(tally: Tally, header: TarHeader): void {
  if (header.type === 'file') tally.files += 1;
  else if (header.type === 'directory') tally.directories += 1;
  else tally.links += 1;
}

/** What follows the start of a large file, holes apart, and its padding. Closes the file. */
export async function* restBlocks(
  { header, head, holes }: OpenedEntry,
  fd: number,
  buffer: BlockBuffer,
  { tally, changed, onFile }: PackEvents,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { path, size } = header;
  const rest = dataBetween(holes, head.length, size);
  let ended: string | undefined;
  try {
    for (const { offset, length } of rest) {
      const end = offset + length;
      let at = offset;
      while (at < end && ended === undefined) {
        signal.throwIfAborted();
        const bytesRead = await readInto(fd, buffer.free(end - at), at);
        if (typeof bytesRead === 'string') {
          ended = bytesRead;
          changed.add(path, `${ended} after ${at} of ${size} bytes: filled up with zeros`);
          onFile?.(path, at);
          continue;
        }
        at += bytesRead;
        tally.bytesRead += bytesRead;
        const full = buffer.advance(bytesRead);
        if (full !== undefined) yield full;
      }
      yield* zeros(end - at, buffer);
    }
    if ((await fstat(fd)).size > size) changed.add(path, GREW);
    yield* zeros(tarPadding(head.length + lengthOf(rest)), buffer);
  } finally {
    await close(fd);
  }
}

/** @returns how many bytes were read, or why there are no more */
async function readInto(fd: number, target: Buffer, at: number): Promise<number | string> {
  try {
    const { bytesRead } = await read(fd, target, 0, target.length, at);
    return bytesRead === 0 ? 'ended' : bytesRead;
  } catch (error) {
    return describeFsError(error);
  }
}

function* zeros(count: number, buffer: BlockBuffer): Generator<Buffer> {
  for (let left = count; left > 0; left -= ZEROS.length) {
    const full = buffer.put(ZEROS, Math.min(left, ZEROS.length));
    if (full !== undefined) yield full;
  }
}
