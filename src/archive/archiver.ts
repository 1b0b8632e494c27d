import type { ArchiveOptions, ArchiveStream, ReadProgress } from './archive-stream.ts';
import type { ArchiverMessage, ArchiverOrder } from './archiver-messages.ts';
import { startArchiver } from './archiver-process.ts';

/** The process that archives has ended early, or says that it cannot go on: what has come of the archive is useless. */
export class ArchiverError extends Error {
  override readonly name = 'ArchiverError';
}

/** Whether an error is the archiver's, or was caused by it. */
export function isOfArchiver(error: unknown): boolean {
  return error instanceof ArchiverError || (error instanceof Error && isOfArchiver(error.cause));
}

/** For how long nothing may come while somebody waits for it: native code may loop as well as crash. */
const SILENT_MS = 20_000;

/**
 * `archiveStream` with ISA-L, in a process of its own, whose crash costs that attempt and nothing else. The process is
 * gone when the pieces end, however they end, or when this one does.
 * @param isal the addon's path
 */
export function archiverStream(options: ArchiveOptions, isal: string): ArchiveStream {
  const { signal, onFile, ...archive } = options;
  let progress: ReadProgress = { files: 0, bytesRead: 0 };
  let done: Extract<ArchiverMessage, { kind: 'done' }> | undefined;
  let fault: string | undefined;
  let readFault: unknown;

  function receive(message: ArchiverMessage): void {
    if (message.kind === 'progress') progress = message;
    else if (message.kind === 'fault') fault = message.text;
    else done = message;
  }

  async function* pieces(): AsyncGenerator<readonly Buffer[], void> {
    signal.throwIfAborted();
    const { child, output, ended } = startArchiver();
    const kill = () => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill);
    try {
      child.on('message', receive);
      const order: ArchiverOrder = { ...archive, isal, listsFiles: onFile !== undefined };
      // A process that is gone by now says so by its end.
      child.send(order, () => undefined);
      const reader = output.iterator();
      for (;;) {
        const watchdog = setTimeout(() => {
          fault = `has written nothing for ${SILENT_MS / 1_000} s`;
          kill();
        }, SILENT_MS);
        const next = await reader.next().catch(error => {
          // Of a process that could not be started as well, whose end says why.
          readFault = error;
          kill();
          return undefined;
        });
        clearTimeout(watchdog);
        if (next === undefined || next.done === true) break;
        yield [next.value];
      }
      const how = await ended;
      signal.throwIfAborted();
      if (done === undefined) throw new ArchiverError(`the archiver ${fault ?? how}`, { cause: readFault });
      progress = { files: done.summary.files, bytesRead: done.summary.bytesIn };
      for (const [path, bytes] of done.files) onFile?.(Buffer.from(path, 'latin1'), bytes);
    } finally {
      signal.removeEventListener('abort', kill);
      kill();
    }
  }

  return {
    pieces: pieces(),
    progress: () => progress,
    summary: () => {
      if (done === undefined) throw new Error('the archive has not been read to its end');
      return done.summary;
    },
  };
}
