import fs from 'node:fs';
import { promisify } from 'node:util';
import { END_OF_TAR, encodeTarHeader, type TarHeader, tarPadding } from '../format/tar.ts';
import { type Notes, whyUnreadable } from './changes.ts';
import { quickFiles } from './files.ts';
import { type Entry, openFound } from './open.ts';
import { inParallel } from './parallel.ts';
import type { Found } from './walk.ts';

export interface Tally {
  files: number;
  directories: number;
  links: number;
  /** Content of files that has been read. */
  bytesRead: number;
}

export interface TarOptions {
  readonly root: Buffer;
  /** The size of each block but the last. */
  readonly blockBytes: number;
  /** Blocks to fill again: whoever has used one up puts it here. */
  readonly spare: Buffer[];
  readonly tally: Tally;
  readonly skipped: Notes;
  readonly changed: Notes;
  readonly signal: AbortSignal;
}

/**
 * A tar archive in blocks of one size. Large files are read straight into them. No fault of a file fails it: what
 * cannot be opened is skipped, what ends early is filled up with zeros to the size in its header, what has grown is cut
 * there.
 */
export async function* tarBlocks(found: AsyncIterable<Found>, options: TarOptions): AsyncGenerator<Buffer> {
  const filler = fillBlocks(options.blockBytes, options.spare);
  const files = quickFiles();
  const open = (item: Found) => openFound(options.root, item, files);
  for await (const opened of inParallel(found, OPEN_AHEAD, open, closeUnused)) {
    if ('unfit' in opened) options.skipped.add(opened.path, opened.unfit);
    else yield* entryBlocks(opened, filler, options);
  }
  yield* filler.put(END_OF_TAR);
  const last = filler.last();
  if (last.length > 0) yield last;
}

const OPEN_AHEAD = 64;
const read = promisify(fs.read);
const fstat = promisify(fs.fstat);
const close = promisify(fs.close);

async function closeUnused(opened: Awaited<ReturnType<typeof openFound>>): Promise<void> {
  if ('fd' in opened && opened.fd !== undefined) await close(opened.fd);
}

/** One entry; closes its file. */
export async function* entryBlocks(
  entry: Entry,
  filler: Filler,
  options: Pick<TarOptions, 'tally' | 'changed' | 'signal'>,
): AsyncGenerator<Buffer> {
  const { header, head, fd } = entry;
  try {
    count(options.tally, header);
    yield* filler.put(encodeTarHeader(header));
    yield* filler.put(head);
    options.tally.bytesRead += head.length;
    if (entry.grew) options.changed.add(header.path, GREW);
    if (fd !== undefined) yield* restBlocks(header, head.length, fd, filler, options);
    yield* filler.zeros(tarPadding(header.size));
  } finally {
    if (fd !== undefined) await close(fd);
  }
}

function count(tally: Tally, header: TarHeader): void {
  if (header.type === 'file') tally.files += 1;
  else if (header.type === 'directory') tally.directories += 1;
  else tally.links += 1;
}

async function* restBlocks(
  header: TarHeader,
  from: number,
  fd: number,
  filler: Filler,
  options: Pick<TarOptions, 'tally' | 'changed' | 'signal'>,
): AsyncGenerator<Buffer> {
  const { tally, changed, signal } = options;
  for (let at = from; at < header.size; ) {
    signal.throwIfAborted();
    const bytesRead = await readInto(fd, filler.room(header.size - at), at);
    if (typeof bytesRead === 'string') {
      changed.add(header.path, `${bytesRead} after ${at} of ${header.size} bytes: filled up with zeros`);
      yield* filler.zeros(header.size - at);
      return;
    }
    at += bytesRead;
    tally.bytesRead += bytesRead;
    const full = filler.advance(bytesRead);
    if (full !== undefined) yield full;
  }
  if ((await fstat(fd)).size > header.size) changed.add(header.path, GREW);
}

const GREW = 'grew while it was read: cut at its first size';

/** How many bytes, or why there are no more. */
async function readInto(fd: number, room: Buffer, at: number): Promise<number | string> {
  try {
    const { bytesRead } = await read(fd, room, 0, room.length, at);
    return bytesRead === 0 ? 'ended' : bytesRead;
  } catch (error) {
    return whyUnreadable(error);
  }
}

/** Fills block after block. */
export interface Filler {
  /** Where the next bytes belong, `wanted` of them at most. */
  room(wanted: number): Buffer;
  /** So many bytes of the room are filled. Gives the block when it is full. */
  advance(bytes: number): Buffer | undefined;
  /** Copies bytes in, giving the blocks that become full. */
  put(bytes: Buffer): Generator<Buffer>;
  zeros(count: number): Generator<Buffer>;
  /** What is filled of the block begun last. */
  last(): Buffer;
}

export function fillBlocks(blockBytes: number, spare: Buffer[]): Filler {
  let block: Buffer = EMPTY;
  let used = 0;
  const room = (wanted: number) => {
    if (used === block.length) {
      block = spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
      used = 0;
    }
    return block.subarray(used, used + wanted);
  };
  const advance = (bytes: number) => {
    used += bytes;
    return used === blockBytes ? block : undefined;
  };
  const fill = function* (count: number, write: (space: Buffer, from: number) => void) {
    for (let at = 0; at < count; ) {
      const space = room(count - at);
      write(space, at);
      at += space.length;
      const full = advance(space.length);
      if (full !== undefined) yield full;
    }
  };
  return {
    room,
    advance,
    put: bytes => fill(bytes.length, (space, from) => bytes.copy(space, 0, from)),
    zeros: count => fill(count, space => space.fill(0)),
    last: () => (used === blockBytes ? EMPTY : block.subarray(0, used)),
  };
}

const EMPTY = Buffer.alloc(0);
