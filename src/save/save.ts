import { join } from 'node:path';
import { type PackOptions, type PackSummary, pack } from '../archive/pack.ts';
import { type Survey, survey } from '../archive/walk.ts';
import type { Codec } from '../config/session-config.ts';
import type { Selection } from '../files/selection.ts';
import { sleep } from '../runtime/abort.ts';
import { isBug } from '../runtime/bug.ts';
import { compressionThreads } from '../runtime/cpus.ts';
import type { DeadlinePart, StartDeadline } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import type { Progress } from '../runtime/progress.ts';
import { bytesText, errorText } from '../runtime/text.ts';
import { backoffMs } from '../store/retry.ts';
import { AlreadyExistsError, PermanentError, type Receipt, type Store } from '../store/store.ts';
import { keyOf, nthName, reportName } from './archive-name.ts';

/** Between attempts: a store that is down is not flooded. */
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;

/** What is saved, under which name and where: by a session at its end, or by a recovery. */
export interface SaveRequest {
  readonly source: Selection;
  readonly archive: {
    readonly name: string;
    readonly codec: Codec;
    readonly level: PackOptions['level'];
  };
  /** Tried in this order, until one has the archive. */
  readonly targets: readonly SaveTarget[];
  /** An attempt whose bytes have not moved for so long is given up. */
  readonly stallMs: number;
  /** Called with the keys that the archive and its report are about to take. */
  readonly onNames?: (archiveKey: string, reportKey: string) => Promise<void>;
}

export interface SaveTarget {
  /** For people. */
  readonly url: string;
  readonly open: () => Promise<Store>;
  /** The folder of the session's key; empty: none. */
  readonly folder: string;
  /** The archive is written among the files that it holds. */
  readonly inside: boolean;
  readonly deadline: DeadlinePart;
}

export interface SaveRuntime {
  readonly log: Log;
  readonly progress: Progress;
  readonly startDeadline: StartDeadline;
}

export interface SavedArchive {
  readonly how: 'archive';
  readonly store: Store;
  readonly receipt: Receipt;
  readonly summary: PackSummary;
  /** Where its report goes. */
  readonly reportKey: string;
  readonly attempts: number;
  readonly ms: number;
  /** Why targets before this one do not have it. */
  readonly faults: readonly string[];
}

export interface NotSaved {
  readonly how: 'not-saved';
  readonly faults: readonly string[];
}

/**
 * Saves a directory as one archive: at the first target, or when that has finally failed, at the next. Each ends by
 * its deadline. It never rejects.
 */
export async function saveArchive(
  request: SaveRequest,
  runtime: SaveRuntime,
): Promise<SavedArchive | NotSaved> {
  const { log, startDeadline } = runtime;
  const faults: string[] = [];
  for (const target of request.targets) {
    using deadline = startDeadline(target.deadline);
    if (deadline.signal.aborted) {
      const why = errorText(deadline.signal.reason);
      if (!faults.includes(why)) faults.push(why);
      continue;
    }
    try {
      const attempts = { request, target, store: await target.open(), signal: deadline.signal };
      return { ...(await uploadUntilSaved(attempts, runtime)), faults };
    } catch (error) {
      faults.push(errorText(error));
      log.error(
        { event: 'archive_failed', err: error, url: target.url },
        `archive not saved at ${target.url}`,
      );
    }
  }
  return { how: 'not-saved', faults };
}

interface Attempts {
  readonly request: SaveRequest;
  readonly target: SaveTarget;
  readonly store: Store;
  readonly signal: AbortSignal;
}

/** Repeats the whole archive until it is saved, its time is over, or repeating cannot help. */
async function uploadUntilSaved(
  attempts: Attempts,
  runtime: SaveRuntime,
): Promise<Omit<SavedArchive, 'faults'>> {
  const { request, target, store, signal } = attempts;
  const { log } = runtime;
  const startMs = performance.now();
  const measure = () => survey(request.source, signal);
  let [n, expected] = await Promise.all([firstFree(attempts), measure()]);
  for (let attempt = 1; ; attempt++) {
    const archiveKey = keyOf(target.folder, nthName(request.archive.name, n));
    const reportKey = keyOf(target.folder, reportName(n));
    try {
      await request.onNames?.(archiveKey, reportKey);
      const url = `${store.url}/${archiveKey}`;
      log.info(
        { event: 'archive_started', url, files: expected.files, bytes: expected.bytes },
        `uploading archive to ${url}`,
      );
      const { receipt, summary } = await uploadOnce(attempts, archiveKey, expected, runtime);
      const ms = performance.now() - startMs;
      const { bytes, verified } = receipt;
      log.info(
        { event: 'archive_saved', url, bytes, verified, afterMs: Math.round(ms) },
        `archive saved: ${bytesText(bytes)} at ${url}`,
      );
      return { how: 'archive', store, receipt, summary, reportKey, attempts: attempt, ms };
    } catch (error) {
      if (signal.aborted || error instanceof PermanentError || isBug(error)) throw error;
      if (error instanceof AlreadyExistsError) {
        n += 1;
        continue;
      }
      log.warn(
        { event: 'archive_retry', err: error, attempt },
        `archive attempt ${attempt} failed, retrying`,
      );
      await sleep(backoffMs(attempt, FIRST_WAIT_MS, MAX_WAIT_MS), signal);
      expected = await measure();
    }
  }
}

async function uploadOnce(
  { request, target, store, signal }: Attempts,
  key: string,
  expected: Survey,
  { progress }: SaveRuntime,
) {
  const { source, archive, stallMs } = request;
  const file = join(source.root, key);
  const packing = pack({
    selection: target.inside
      ? { ...source, excludedPaths: [...source.excludedPaths, file, `${file}.part`] }
      : source,
    codec: archive.codec,
    level: archive.level,
    chunkBytes: store.chunkBytes(expected.archiveBytes),
    threads: compressionThreads(),
    signal,
  });
  using _ = progress.start(expected, packing.progress);
  const receipt = await store.store(key, packing.chunks, { signal, stallMs, onStored: packing.releaseChunk });
  return { receipt, summary: packing.summary() };
}

/** An archive that exists is never overwritten: the next free name is taken. */
async function firstFree({ request, target, store, signal }: Attempts): Promise<number> {
  for (let n = 1; ; n++) {
    const taken = await store.exists(keyOf(target.folder, nthName(request.archive.name, n)), signal);
    if (taken !== true) return n;
  }
}
