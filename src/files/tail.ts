import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, lstat } from 'node:fs/promises';
import { unlessMissing } from './errno.ts';
import { openRegularFile } from './open.ts';

export interface FollowOptions {
  /** A byte offset, or the start or end of the file as it is now. A file that appears later is read from its start. */
  readonly from: 'start' | 'end' | number;
  /** When aborted, what is in the file by then is still read, and the iteration ends. */
  readonly signal: AbortSignal;
  /** How often to look for changes where the system does not report them; 250 ms unless given. */
  readonly pollMs?: number;
}

/**
 * Reads a file as it grows, after truncation from its start, and after replacement by another file of the same name
 * (the old one is read to its end first). It need not exist yet. Each chunk is a Buffer of its own.
 * @throws {NotRegularFileError} when the name is, or becomes, a link or a pipe; the system's error when the file
 * cannot be read for another reason than that it is missing
 */
export async function* follow(path: string, options: FollowOptions): AsyncGenerator<Buffer, void> {
  const { from, signal, pollMs = 250 } = options;
  const notifier = createNotifier();
  signal.addEventListener('abort', notifier.notify);
  let followed = await openFollowed(path, notifier.notify);
  let offset = followed === undefined ? 0 : await startOffset(followed.file, from);
  try {
    while (true) {
      const isLast = signal.aborted;
      offset = yield* readToEnd(followed?.file, offset);
      if (await isReplaced(path, followed?.file)) {
        yield* readToEnd(followed?.file, offset);
        await close(followed);
        followed = await openFollowed(path, notifier.notify);
        offset = 0;
      } else if (isLast) {
        return;
      } else {
        await notifier.wait(pollMs);
      }
    }
  } finally {
    signal.removeEventListener('abort', notifier.notify);
    await close(followed);
  }
}

const MAX_LINE_BYTES = 64 * 1024;

/** Splits bytes into lines, without their line feeds; of a line longer than `maxBytes` only the start is kept. */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<Buffer, void> {
  let line: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      yield append(line, chunk.subarray(start, end), maxBytes);
      line = Buffer.alloc(0);
      start = end + 1;
    }
    line = append(line, chunk.subarray(start), maxBytes);
  }
  if (line.length > 0) yield line;
}

function append(line: Buffer, piece: Buffer, maxBytes: number): Buffer {
  return Buffer.concat([line, piece.subarray(0, maxBytes - line.length)]);
}

interface Followed {
  readonly file: FileHandle;
  /** undefined where the system cannot watch: then polling finds the changes. */
  readonly watcher: FSWatcher | undefined;
}

async function openFollowed(path: string, onChange: () => void): Promise<Followed | undefined> {
  const file = await unlessMissing(openRegularFile(path));
  return file && { file, watcher: tryToWatch(path, onChange) };
}

function tryToWatch(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    return watcher.on('error', () => watcher.close());
  } catch {
    // No inotify watch is left, or the file was removed again.
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

const MAX_READ_BYTES = 64 * 1024;

/** Reads from an offset to the present end of the file. @returns the offset to continue from */
async function* readToEnd(file: FileHandle | undefined, from: number): AsyncGenerator<Buffer, number> {
  if (file === undefined) return 0;
  const { size } = await file.stat();
  let offset = from > size ? 0 : from;
  while (offset < size) {
    const length = Math.min(size - offset, MAX_READ_BYTES);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  return offset;
}

/** Whether the path names another file than the open one, or one while none is open. */
async function isReplaced(path: string, file: FileHandle | undefined): Promise<boolean> {
  const named = await unlessMissing(lstat(path));
  if (named === undefined || file === undefined) return named !== undefined;
  const opened = await file.stat();
  return named.ino !== opened.ino || named.dev !== opened.dev;
}

/** Ends a wait early; a notification while nothing waits ends the next wait at once. */
function createNotifier() {
  let notified = Promise.withResolvers<void>();
  return {
    notify: () => notified.resolve(),
    async wait(ms: number): Promise<void> {
      const timer = setTimeout(notified.resolve, ms);
      await notified.promise;
      clearTimeout(timer);
      notified = Promise.withResolvers<void>();
    },
  };
}
