import type { FileHandle } from 'node:fs/promises';
import type { ArchiveOptions, ReadProgress } from './archive-stream.ts';
import type { ArchiverAhead } from './archiver-ahead.ts';
import type { ArchiverMessage, ArchiverOrder, SlotFreed } from './archiver-messages.ts';
import { type ArchiverProcess, startArchiver } from './archiver-process.ts';
import type { ChunkStream } from './chunks.ts';
import { slotOffset } from './shared-slots.ts';

/** The process that archives has ended early, or says that it cannot go on: what has come of the archive is useless. */
export class ArchiverError extends Error {
  override readonly name = 'ArchiverError';
}

/** Whether an error is the archiver's, or was caused by it. */
export function isOfArchiver(error: unknown): boolean {
  return error instanceof ArchiverError || (error instanceof Error && isOfArchiver(error.cause));
}

/** For how long nothing may be read or made while somebody waits for it: native code may loop as well as crash. */
const SILENT_MS = 20_000;

export interface ArchiverOptions extends ArchiveOptions {
  readonly chunkBytes: number;
  /** The addon's path. */
  readonly isal: string;
  /** Asked first for a process that waits already. */
  readonly ahead?: ArchiverAhead | undefined;
}

type Message<Kind> = Extract<ArchiverMessage, { kind: Kind }>;

/**
 * `archiveStream` with ISA-L, cut into chunks, in a process of its own, whose crash costs that attempt and nothing else.
 * The process is gone when the chunks end, however they end, or when this one does.
 */
export function archiverChunks(options: ArchiverOptions): ChunkStream {
  const { signal, onFile, isal, ahead, ...archive } = options;
  const { chunkBytes } = archive;
  const freeChunks: Buffer[] = [];
  let progress: ReadProgress = { files: 0, bytesRead: 0 };
  let done: Message<'done'> | undefined;

  async function* chunks(): AsyncGenerator<Buffer, void> {
    signal.throwIfAborted();
    await using archiver = (await ahead?.take(chunkBytes)) ?? (await startOwn(isal, chunkBytes));
    const { child, slots, ended } = archiver;
    const ready: Message<'chunk'>[] = [];
    let fault: string | undefined;
    let how: string | undefined;
    let watchdog: NodeJS.Timeout | undefined;
    let news = Promise.withResolvers<void>();
    const kill = () => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill);
    try {
      child.on('message', (message: ArchiverMessage) => {
        if (message.kind === 'ready') return;
        if (message.kind === 'progress') {
          if (message.bytesRead + message.files > progress.bytesRead + progress.files) watchdog?.refresh();
          progress = message;
          return;
        }
        if (message.kind === 'chunk') ready.push(message);
        else if (message.kind === 'done') done = message;
        else fault = message.text;
        news.resolve();
      });
      void ended.then(text => {
        how = text;
        news.resolve();
      });
      // A process that is gone by now says so by its end.
      const tell = (message: ArchiverOrder | SlotFreed) => void child.send(message, () => undefined);
      tell({ ...archive, listsFiles: onFile !== undefined });
      while (how === undefined || ready.length > 0) {
        const next = ready.shift();
        if (next === undefined) {
          watchdog = setTimeout(() => {
            fault = `has done nothing for ${SILENT_MS / 1_000} s`;
            kill();
          }, SILENT_MS);
          await news.promise;
          clearTimeout(watchdog);
          watchdog = undefined;
          news = Promise.withResolvers();
          continue;
        }
        const chunk = freeChunks.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
        await readAll(slots, chunk, next.bytes, slotOffset(next.slot, chunkBytes)).catch((error: unknown) => {
          throw new ArchiverError('what the archiver packed cannot be read', { cause: error });
        });
        tell({ slot: next.slot });
        yield chunk.subarray(0, next.bytes);
      }
      signal.throwIfAborted();
      if (done === undefined) throw new ArchiverError(`the archiver ${fault ?? how}`);
      progress = { files: done.summary.files, bytesRead: done.summary.bytesIn };
      for (const [path, bytes] of done.files) onFile?.(Buffer.from(path, 'latin1'), bytes);
    } finally {
      signal.removeEventListener('abort', kill);
    }
  }

  function finished() {
    if (done === undefined) throw new Error('the archive has not been read to its end');
    return done;
  }

  return {
    chunks: chunks(),
    release: chunk => void freeChunks.push(chunk),
    progress: () => progress,
    summary: () => finished().summary,
    // It comes as a bare Uint8Array from there.
    index: () => Buffer.from(finished().index),
  };
}

async function startOwn(isal: string, chunkBytes: number): Promise<ArchiverProcess> {
  try {
    return await startArchiver(isal, chunkBytes);
  } catch (error) {
    throw new ArchiverError('the archiver cannot be started', { cause: error });
  }
}

async function readAll(file: FileHandle, target: Buffer, bytes: number, position: number): Promise<void> {
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await file.read(target, at, bytes - at, position + at);
    if (bytesRead === 0) throw new Error('it is shorter than it was said to be');
    at += bytesRead;
  }
}
