import { isOfSumsThread } from '../archive/archive-sums.ts';
import { isOfArchiver } from '../archive/archiver.ts';
import { deflatedBy, isalFor } from '../archive/deflate-choice.ts';
import type { PackSummary } from '../archive/pack.ts';
import { survey } from '../archive/walk.ts';
import type { Deflate } from '../config/session-config.ts';
import { orAborted, sleep } from '../runtime/abort.ts';
import { isBug } from '../runtime/bug.ts';
import type { StartDeadline } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import type { Progress } from '../runtime/progress.ts';
import { bytesText, errorText } from '../runtime/text.ts';
import { faultText } from '../store/fault-text.ts';
import { backoffMs } from '../store/retry.ts';
import {
  AlreadyExistsError,
  ChecksumError,
  ConditionRefusedError,
  PermanentError,
  type Receipt,
  type Store,
} from '../store/store.ts';
import { firstFree, refusedNotice } from './free-place.ts';
import type { SaveRequest, SaveTarget } from './save-request.ts';
import { uploadOnce } from './upload-once.ts';

/** Between attempts: a store that is down is not flooded. */
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;
/** How long an upload that was given up has to take back what it has stored. */
const CLEANUP_MS = 1_200;
/** Each archive of which the store says that it has other bytes stays there, and the next one needs another key. */
const MAX_OTHER_BYTES = 3;

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
  /** How many bytes it has of each file, by paths as in format/byte-path.ts; empty unless they are to be listed. */
  readonly files: ReadonlyMap<string, number>;
  /** Where everything is in it: see archive-index/format.ts. */
  readonly index: Buffer;
  /** Where its report goes. */
  readonly reportKey: string;
  /** The name that the session has at that store; undefined: it needs none. */
  readonly session: string | undefined;
  readonly attempts: number;
  readonly ms: number;
  /** What has deflated it; undefined: nothing. */
  readonly deflate: Exclude<Deflate, 'auto'> | undefined;
  /** Why targets before this one do not have it. */
  readonly faults: readonly string[];
  /** Whether one of these is a bug. */
  readonly hasBug: boolean;
  /** What could not be excluded, for a person. */
  readonly notices: readonly string[];
}

export interface NotSaved {
  readonly how: 'not-saved';
  readonly faults: readonly string[];
  readonly hasBug: boolean;
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
  let hasBug = false;
  const notices: string[] = [];
  const onNotice = (text: string) => {
    log.warn({ event: 'notice' }, text);
    notices.push(text);
  };
  for (const target of request.targets) {
    using deadline = startDeadline(target.deadline);
    if (deadline.signal.aborted) {
      const why = errorText(deadline.signal.reason);
      if (!faults.includes(why)) faults.push(why);
      continue;
    }
    try {
      const attempts = { request, target, store: await target.open(), signal: deadline.signal, onNotice };
      const saving = uploadUntilSaved(attempts, runtime);
      // A file call that hangs holds it for ever, behind the store's back.
      return { ...(await orAborted(saving, deadline.signal, CLEANUP_MS)), faults, hasBug, notices };
    } catch (error) {
      hasBug ||= isBug(error);
      faults.push(faultText(error));
      log.error(
        { event: 'archive_failed', err: error, url: target.url },
        `archive not saved at ${target.url}`,
      );
    }
  }
  return { how: 'not-saved', faults, hasBug };
}

interface Attempts {
  readonly request: SaveRequest;
  readonly target: SaveTarget;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Told what cannot be excluded, for a person. */
  readonly onNotice: (text: string) => void;
}

/** Repeats the whole archive until it is saved, its time is over, or repeating cannot help. */
async function uploadUntilSaved(
  attempts: Attempts,
  runtime: SaveRuntime,
): Promise<Omit<SavedArchive, 'faults' | 'hasBug' | 'notices'>> {
  const { request, store, signal } = attempts;
  const { log } = runtime;
  const startMs = performance.now();
  const measure = () => survey(request.source, signal);
  const findPlace = async () => firstFree(await attempts.target.place(store, signal), attempts);
  let [place, expected] = await Promise.all([findPlace(), measure()]);
  let isal = isalFor(request.archive, expected.archiveBytes, request.ahead?.isReady());
  if (isal === undefined) request.ahead?.[Symbol.dispose]();
  let mayUseThread = true;
  let otherBytes = 0;
  for (let attempt = 1; ; attempt++) {
    const { archiveKey, reportKey, session } = place;
    try {
      await request.onPlace?.(place);
      const url = `${store.url}/${archiveKey}`;
      log.info(
        { event: 'archive_started', url, files: expected.files, bytes: expected.bytes },
        `uploading archive to ${url}`,
      );
      const upload = { ...attempts, place, expected, isal, mayUseThread };
      const { receipt, ...packed } = await uploadOnce(upload, runtime.progress);
      const ms = performance.now() - startMs;
      const { bytes, verified } = receipt;
      log.info(
        { event: 'archive_saved', url, bytes, verified, afterMs: Math.round(ms) },
        `archive saved: ${bytesText(bytes)} at ${url}`,
      );
      const saved = { store, receipt, ...packed, reportKey, session, attempts: attempt, ms };
      return { how: 'archive', ...saved, deflate: deflatedBy(request.archive, isal) };
    } catch (error) {
      if (error instanceof ConditionRefusedError && place.ifAbsent && !signal.aborted) {
        // A store that takes conditions with small objects need not take them at the end of an upload.
        attempts.onNotice(refusedNotice(`${store.url}/${archiveKey}`));
        place = await firstFree({ ...place, ifAbsent: false }, attempts);
        continue;
      }
      if (signal.aborted) throw error;
      if (isal !== undefined && isOfArchiver(error)) {
        // It is the compressor's fault, and neither the store's nor the files': there is nothing to wait for.
        log.warn(
          { event: 'archiver_failed', err: error },
          'the process with ISA-L failed: zlib saves the archive',
        );
        isal = undefined;
        continue;
      }
      if (isOfSumsThread(error)) {
        log.warn(
          { event: 'sums_thread_failed', err: error },
          'the thread of the sums failed: they are made without it',
        );
        mayUseThread = false;
        continue;
      }
      if (error instanceof PermanentError || isBug(error)) throw error;
      if (error instanceof ChecksumError) {
        otherBytes += 1;
        if (otherBytes === MAX_OTHER_BYTES) throw error;
      }
      if (error instanceof AlreadyExistsError) {
        place = await firstFree(await place.next(signal), attempts);
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
