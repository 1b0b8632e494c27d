import { Worker } from 'node:worker_threads';
import type { Codec } from '../config/session-config.ts';
import { type Sums, sumsHere } from '../files/sums.ts';
import { compressionThreads } from '../runtime/cpus.ts';
import { type SumsOrder, sumsThread } from './sums-thread.ts';

/** The thread of the sums has ended early, or never started: the archive's digest, which it was making, is lost. */
export class SumsThreadError extends Error {
  override readonly name = 'SumsThreadError';
}

/** Whether an error is that thread's, or was caused by it. */
export function isOfSumsThread(error: unknown): boolean {
  return error instanceof SumsThreadError || (error instanceof Error && isOfSumsThread(error.cause));
}

/** Of less than this the sums are made before a thread has started. */
const WORTH_A_START_BYTES = 32 << 20;
/** For how long an order may be unanswered. */
const SILENT_MS = 20_000;

/**
 * Whether an archive's sums are worth a thread: not where other threads compress on all cores, or there is one core.
 * @param archiveBytes how large its tar will be, about
 */
export function isWorthSumsThread(codec: Codec, archiveBytes: number): boolean {
  return codec === 'none' && archiveBytes >= WORTH_A_START_BYTES && compressionThreads() > 1;
}

/** Sums of an archive's chunks, which lie in SharedArrayBuffers, and of all of it. Disposed of, its thread is ended. */
export interface ArchiveSums extends Sums, Disposable {
  /** Adds the next chunk to the whole. Resolves once it may be changed. @throws {SumsThreadError} */
  add(chunk: Buffer): Promise<unknown>;
  /** The SHA-256 of all that were added, in hexadecimal. @throws {SumsThreadError} */
  whole(): Promise<string>;
}

interface SumsThreadOptions {
  /** What runs in it. */
  readonly code?: string;
  readonly silentMs?: number;
}

/**
 * Starts a thread that makes the sums. Where that fails, or it fails later, those of a chunk are made here, and `add` and
 * `whole` throw why.
 */
export function startSumsThread({
  code = `(${sumsThread.toString()})()`,
  silentMs = SILENT_MS,
}: SumsThreadOptions = {}): ArchiveSums {
  const unanswered: PromiseWithResolvers<string>[] = [];
  let worker: Worker | undefined;
  let failure: SumsThreadError | undefined;
  let watchdog: NodeJS.Timeout | undefined;
  const fail = (how: string, cause?: unknown) => {
    failure ??= new SumsThreadError(`the thread of the sums ${how}`, { cause });
    clearTimeout(watchdog);
    for (const { reject } of unanswered.splice(0)) reject(failure);
    void worker?.terminate();
  };
  try {
    // It gets nothing of the environment, and loads nothing that this process was told to.
    worker = new Worker(code, { eval: true, env: {}, execArgv: [], name: 'sums' });
  } catch (error) {
    fail('could not be started', error);
  }
  worker?.on('error', error => fail('failed', error));
  worker?.on('exit', code => fail(`ended with code ${code}`));
  worker?.on('message', (text: string) => {
    unanswered.shift()?.resolve(text);
    if (unanswered.length > 0) watchdog?.refresh();
    else clearTimeout(watchdog);
  });

  function order(make: SumsOrder['make'], bytes: Uint8Array): Promise<string> {
    const answer = Promise.withResolvers<string>();
    // Whoever does not wait for it any more has failed for a reason of its own.
    answer.promise.catch(() => undefined);
    if (failure === undefined) {
      if (unanswered.length === 0)
        watchdog = setTimeout(() => fail(`has answered nothing for ${silentMs / 1_000} s`), silentMs);
      unanswered.push(answer);
      worker?.postMessage({ make, bytes } satisfies SumsOrder);
    } else answer.reject(failure);
    return answer.promise;
  }

  return {
    // The chunk is still here. That the thread has failed, `add` and `whole` tell.
    crc32: bytes => order('crc32', bytes).then(Number, () => sumsHere.crc32(bytes)),
    sha256: bytes => order('sha256', bytes).catch(() => sumsHere.sha256(bytes)),
    add: chunk => order('add', chunk),
    whole: () => order('whole', new Uint8Array()),
    [Symbol.dispose]: () => fail('is not needed any more'),
  };
}
