import fs from 'node:fs';
import { promisify } from 'node:util';
import { describeFsError } from '../files/errno.ts';
import { createFileCalls } from '../files/open.ts';
import { END_OF_TAR, encodeTarHeader, type TarHeader, tarPadding } from '../files/tar.ts';
import { mapConcurrently } from '../runtime/concurrency.ts';
import { type Filler, fillBlocks } from './block-buffer.ts';
import { type Entry, type Opened, openFound } from './open-entry.ts';
import type { Notes } from './skipped.ts';
import type { Found } from './walk.ts';

export interface TarOptions {
  /** The size of each block but the last. */
  readonly blockBytes: number;
  /** Blocks to fill again: whoever has used one up puts it here. */
  readonly spare: Buffer[];
  readonly told: Told;
  readonly signal: AbortSignal;
}

/** What is told of the files, while they are read. */
export interface Told {
  readonly tally: Tally;
  readonly skipped: Notes;
  readonly changed: Notes;
}

export interface Tally {
  files: number;
  directories: number;
  links: number;
  /** Content of files that has been read. */
  bytesRead: number;
}

/**
 * A tar archive in blocks of one size. Large files are read straight into them. No fault of a file fails it: what
 * cannot be opened is skipped, what ends early is filled up with zeros to the size in its header, what has grown is cut
 * there.
 */
export async function* tarBlocks(
  batches: AsyncIterable<readonly Found[]>,
  { blockBytes, spare, told, signal }: TarOptions,
): AsyncGenerator<Buffer> {
  const filler = fillBlocks(blockBytes, spare);
  const files = createFileCalls();
  const open = (batch: readonly Found[]) => Promise.all(batch.map(found => openFound(found, files)));
  for await (const batch of mapConcurrently(batches, BATCHES_AHEAD, open, closeAll)) {
    // From here on to the end of the batch, files are closed here; the one before by what reads its rest.
    let begun = 0;
    try {
      for (const opened of batch) {
        if ('unfit' in opened) told.skipped.add(opened.path, opened.unfit);
        else {
          const full = putStart(opened, filler, told);
          if (full !== undefined) yield full;
        }
        begun += 1;
        if ('fd' in opened && opened.fd !== undefined) {
          yield* restBlocks(opened, opened.fd, filler, told, signal);
        }
      }
    } finally {
      await closeAll(batch.slice(begun));
    }
  }
  const full = filler.put(END_OF_TAR);
  if (full !== undefined) yield full;
  if (filler.last().length > 0) yield filler.last();
}

const BATCHES_AHEAD = 2;
const ZEROS = Buffer.alloc(65_536);
const GREW = 'grew while it was read: cut at its first size';

const read = promisify(fs.read);
const fstat = promisify(fs.fstat);
const close = promisify(fs.close);

async function closeAll(batch: readonly Opened[]): Promise<void> {
  for (const opened of batch) {
    if ('fd' in opened && opened.fd !== undefined) await close(opened.fd);
  }
}

/** Puts a header and what was read with it; a small file is then complete. All of it is smaller than a block. */
export function putStart({ header, head, grew, fd }: Entry, filler: Filler, told: Told): Buffer | undefined {
  count(told.tally, header);
  told.tally.bytesRead += head.length;
  if (grew) told.changed.add(header.path, GREW);
  const fullByHeader = filler.put(encodeTarHeader(header));
  const fullByHead = filler.put(head);
  const fullByPadding = fd === undefined ? filler.put(ZEROS, tarPadding(header.size)) : undefined;
  return fullByHeader ?? fullByHead ?? fullByPadding;
}

function count(tally: Tally, header: TarHeader): void {
  if (header.type === 'file') tally.files += 1;
  else if (header.type === 'directory') tally.directories += 1;
  else tally.links += 1;
}

/** What follows the start of a large file, which is closed. */
export async function* restBlocks(
  { header, head }: Entry,
  fd: number,
  filler: Filler,
  { tally, changed }: Told,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { path, size } = header;
  try {
    let at = head.length;
    for (let ended: string | undefined; at < size && ended === undefined; ) {
      signal.throwIfAborted();
      const bytesRead = await readInto(fd, filler.room(size - at), at);
      if (typeof bytesRead === 'string') {
        ended = bytesRead;
        changed.add(path, `${ended} after ${at} of ${size} bytes: filled up with zeros`);
        continue;
      }
      at += bytesRead;
      tally.bytesRead += bytesRead;
      const full = filler.advance(bytesRead);
      if (full !== undefined) yield full;
    }
    if ((await fstat(fd)).size > size) changed.add(path, GREW);
    yield* zeros(size - at + tarPadding(size), filler);
  } finally {
    await close(fd);
  }
}

/** How many bytes, or why there are no more. */
async function readInto(fd: number, room: Buffer, at: number): Promise<number | string> {
  try {
    const { bytesRead } = await read(fd, room, 0, room.length, at);
    return bytesRead === 0 ? 'ended' : bytesRead;
  } catch (error) {
    return describeFsError(error);
  }
}

function* zeros(count: number, filler: Filler): Generator<Buffer> {
  for (let left = count; left > 0; left -= ZEROS.length) {
    const full = filler.put(ZEROS, Math.min(left, ZEROS.length));
    if (full !== undefined) yield full;
  }
}
