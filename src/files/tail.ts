import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { unlessMissing } from './errno.ts';

export interface FollowOptions {
  /** Where to begin: a byte offset, or an end of the file as it is now. A file that appears later is read whole. */
  readonly from: 'start' | 'end' | number;
  /** Ends the following when aborted: what is in the file by then is still read. */
  readonly signal: AbortSignal;
  /** How long a change may go unnoticed where the system tells of none; 250 ms unless given. */
  readonly pollMs?: number;
}

/**
 * Reads a file as it grows, through truncation (it starts over) and replacement by another file of its name (the old
 * one is read to its end first). It need not exist yet. Each chunk is a fresh Buffer, and nothing is kept.
 * @throws when the file cannot be read for another reason than that it is missing.
 */
export async function* follow(path: string, options: FollowOptions): AsyncGenerator<Buffer, void> {
  const { from, signal, pollMs = 250 } = options;
  const bell = hangBell();
  signal.addEventListener('abort', bell.ring);
  let followed = await openFollowed(path, bell.ring);
  let offset = followed === undefined ? 0 : await startOffset(followed.file, from);
  try {
    while (true) {
      const isLast = signal.aborted;
      offset = yield* readToEnd(followed?.file, offset);
      if (await isReplaced(path, followed?.file)) {
        yield* readToEnd(followed?.file, offset);
        await close(followed);
        followed = await openFollowed(path, bell.ring);
        offset = 0;
      } else if (isLast) {
        return;
      } else {
        await bell.wait(pollMs);
      }
    }
  } finally {
    signal.removeEventListener('abort', bell.ring);
    await close(followed);
  }
}

const LONGEST_LINE_BYTES = 64 * 1024;

/** Cuts bytes into lines, without their line feeds; of a longer line only the beginning is kept. */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  longestBytes = LONGEST_LINE_BYTES,
): AsyncGenerator<Buffer, void> {
  let begun: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      yield lengthen(begun, chunk.subarray(start, end), longestBytes);
      begun = Buffer.alloc(0);
      start = end + 1;
    }
    begun = lengthen(begun, chunk.subarray(start), longestBytes);
  }
  if (begun.length > 0) yield begun;
}

function lengthen(line: Buffer, piece: Buffer, longestBytes: number): Buffer {
  return Buffer.concat([line, piece.subarray(0, longestBytes - line.length)]);
}

interface Followed {
  readonly file: FileHandle;
  /** undefined where the system cannot watch: polling sees the changes, only later. */
  readonly watcher: FSWatcher | undefined;
}

async function openFollowed(path: string, onChange: () => void): Promise<Followed | undefined> {
  const file = await unlessMissing(open(path));
  return file && { file, watcher: tryToWatch(path, onChange) };
}

function tryToWatch(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    return watcher.on('error', () => watcher.close());
  } catch {
    // Out of inotify watches, or the file has gone again.
    return undefined;
  }
}

async function close(followed: Followed | undefined): Promise<void> {
  followed?.watcher?.close();
  await followed?.file.close();
}

async function startOffset(file: FileHandle, from: FollowOptions['from']): Promise<number> {
  if (from === 'start') return 0;
  return from === 'end' ? (await file.stat()).size : from;
}

const LONGEST_READ_BYTES = 64 * 1024;

/** Reads from an offset to the end that the file has now. @returns the offset to go on from. */
async function* readToEnd(file: FileHandle | undefined, from: number): AsyncGenerator<Buffer, number> {
  if (file === undefined) return 0;
  const { size } = await file.stat();
  let offset = from > size ? 0 : from;
  while (offset < size) {
    const length = Math.min(size - offset, LONGEST_READ_BYTES);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  return offset;
}

/** Whether the path now names another file than the open one, or the first. */
async function isReplaced(path: string, file: FileHandle | undefined): Promise<boolean> {
  const named = await unlessMissing(stat(path));
  if (named === undefined || file === undefined) return named !== undefined;
  const opened = await file.stat();
  return named.ino !== opened.ino || named.dev !== opened.dev;
}

/** Ends a wait early; a ring while nobody waits is heard by the next wait. */
function hangBell() {
  let rung = Promise.withResolvers<void>();
  return {
    ring: () => rung.resolve(),
    async wait(ms: number): Promise<void> {
      const timer = setTimeout(rung.resolve, ms);
      await rung.promise;
      clearTimeout(timer);
      rung = Promise.withResolvers<void>();
    },
  };
}
