import { pause } from '../../runtime/abort.ts';
import { keepYoungGenerationSmall } from '../../runtime/heap.ts';
import { errorText } from '../../runtime/text.ts';
import { PermanentError } from '../../store/store.ts';
import { type BytePath, toText } from '../format/byte-path.ts';
import type { StoredJournal } from '../format/schema.ts';
import { applyScan, dropPendingRemoval } from './apply-scan.ts';
import { lackingIn } from './lacking.ts';
import type { JournalOptions, Pace } from './options.ts';
import { checkPrefixes } from './prefix-check.ts';
import {
  createWriterState,
  type JournalReport,
  report,
  reportUnreadable,
  unstored,
  type WriterState,
} from './state.ts';
import { isPeopleUntold, putFinalStatus, putHeartbeat, statusOf } from './status.ts';
import { uploadChanges } from './uploader.ts';

export interface Journal {
  /** Somebody has come or left: the status tells it without waiting for the next scan. */
  tellPeople(): void;
  /**
   * Uploads everything that is on disk now, when nothing is written any more, and stops. Never rejects: when the signal
   * aborts it, or an internal error stops it, the result is not durable.
   * @param pace how much it may take of the machine just now; default: all that is of use
   */
  finish(signal: AbortSignal, pace?: () => Pace): Promise<JournalEnd>;
  report(): JournalReport;
  /** What of it is at the store; undefined: nothing yet. */
  stored(): StoredJournal | undefined;
  /** The files of which an archive lacks what the journal holds. @param archived how many bytes it has of each file */
  lackingIn(archived: ReadonlyMap<BytePath, number>): string[];
}

export type JournalEnd = {
  /** The store has its last status: a recovery need not be told that it has ended. */
  readonly isEnded: boolean;
} & (
  | { readonly durable: true }
  | {
      readonly durable: false;
      /** Something that cannot be read, and why: all that can be is durable. undefined: it may not be. */
      readonly unreadable: string | undefined;
      readonly why: string;
      readonly files: number;
      readonly bytes: number;
    }
);

/**
 * Uploads what changes in the working directory as `<prefix>/00000001.tar.gz` and so on, from now until `finish`: see
 * docs/journal.md. Failures of the store do not end it; segments are put one at a time.
 */
export function startJournal(options: JournalOptions): Journal {
  keepYoungGenerationSmall();
  const state = createWriterState(options);
  const running = run(state).catch((error: unknown) => onFailure(state, error));
  let end: Promise<JournalEnd> | undefined;
  return {
    tellPeople() {
      if (isPeopleUntold(state)) putHeartbeat(state);
    },
    finish(signal, pace) {
      if (pace !== undefined) state.pace = pace;
      end ??= finish(state, running, signal);
      return end;
    },
    report: () => report(state),
    stored: () => stored(state),
    lackingIn: archived => lackingIn(state, archived),
  };
}

/** Compared of files that have grown, after each scan: a thousandth of a core. */
const CHECK_BYTES = 4 * 1024 * 1024;
/** After each of the last scans: a twentieth of a second. */
const FINAL_CHECK_BYTES = 64 * 1024 * 1024;

async function run(state: WriterState): Promise<void> {
  const { intervalMs, rewriteIntervalMs, heartbeatMs } = state.options;
  const finishing = state.finishing.signal;
  while (!finishing.aborted) {
    const startedMs = performance.now();
    const isOver = () => finishing.aborted || performance.now() - startedMs >= intervalMs;
    const outcome = (await scan(state)) && (await uploadChanges(state, rewriteIntervalMs, isOver));
    if (outcome === 'anew') continue;
    await checkPrefixes(state.index, CHECK_BYTES);
    const isQuiet = performance.now() - state.uploadedAtMs >= heartbeatMs;
    if (isQuiet || isPeopleUntold(state)) putHeartbeat(state);
    // A tree that takes long to scan is scanned less often: scans take a twentieth of a core at most.
    const periodMs = Math.max(Math.min(intervalMs, restingMs(state)), 20 * state.scanCpuMs);
    await pause(periodMs - (performance.now() - startedMs), finishing);
  }
}

/** In how long a file is to be looked at again that was just being written. */
function restingMs({ index }: WriterState): number {
  const resting = [...index.dirty].filter(({ tornLooks }) => tornLooks > 0);
  return resting.reduce(
    (ms, file) => Math.min(ms, file.notBeforeMs - performance.now()),
    Number.POSITIVE_INFINITY,
  );
}

/** @returns whether the working directory could be read */
async function scan(state: WriterState): Promise<boolean> {
  const before = process.cpuUsage();
  try {
    const result = await state.scanner.scan(state.finishing.signal.aborted);
    state.unscanned = result.unreadable;
    applyScan(state.index, result);
    for (const { path, why } of result.unreadable) reportUnreadable(state, path, why);
    state.workdirUnreadable = false;
    return true;
  } catch (error) {
    if (!state.workdirUnreadable) state.options.onProblem({ kind: 'scan-failed', why: errorText(error) });
    state.workdirUnreadable = true;
    return false;
  } finally {
    const { user, system } = process.cpuUsage(before);
    state.scanCpuMs = (user + system) / 1000;
  }
}

async function finish(
  state: WriterState,
  running: Promise<unknown>,
  signal: AbortSignal,
): Promise<JournalEnd> {
  state.finishing.abort();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const cancel = () => {
    state.cancelled.abort(signal.reason);
    reject(signal.reason);
  };
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  try {
    await Promise.race([aborted, flush(state, running)]);
    return endOf(state, '');
  } catch (error) {
    return endOf(state, errorText(error));
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** Segments decide: without the last status a recovery has to be told, and finds everything. */
function endOf(state: WriterState, why: string): JournalEnd {
  const { flushed, isEnded } = state;
  const unreadable = flushed?.unreadable;
  if (flushed !== undefined && unreadable === undefined) return { durable: true, isEnded };
  const { files, bytes } = unstored(state);
  return { durable: false, isEnded, unreadable, why, files, bytes };
}

async function flush(state: WriterState, running: Promise<unknown>): Promise<void> {
  await running;
  // What ended it may have taken a segment's changes along.
  state.cancelled.signal.throwIfAborted();
  const unreadable = await uploadAll(state);
  // An archive needs the memory more.
  state.tarBuffers.length = 0;
  state.flushed = { unreadable };
  // The last status says that nothing is missing.
  if (unreadable !== undefined) throw new Error(`not everything can be read: ${unreadable}`);
  await putFinalStatus(state);
  state.isEnded = true;
}

/**
 * Scans and uploads until a scan finds nothing more that can be read.
 * @returns what cannot be, and why; undefined: there is nothing
 * @throws when there is something that does not come to rest
 */
async function uploadAll(state: WriterState): Promise<string | undefined> {
  for (let scans = 0; scans < MAX_FINAL_SCANS; scans += 1) {
    if (!(await scan(state))) throw new Error('the working directory cannot be read');
    dropPendingRemoval(state.index);
    const isAtRest = (await uploadChanges(state, 0)) === 0;
    await checkPrefixes(state.index, FINAL_CHECK_BYTES);
    const unreadable = unreadableNow(state);
    if (isAtRest && state.index.dirty.size <= unreadable.files) return unreadable.first;
  }
  throw new Error('the working directory still changes');
}

function unreadableNow({ index, unscanned }: WriterState) {
  const files = [...index.dirty].filter(({ unreadable }) => unreadable !== undefined);
  const named = files.map(({ node, unreadable }) => `${toText(node.path)}: ${unreadable}`);
  const [first] = [...named, ...unscanned.map(({ path, why }) => `${path}: ${why}`)];
  return { files: files.length, first };
}

/** A file that is still written to, such as the supervisor's own log, is not followed for ever. */
const MAX_FINAL_SCANS = 5;

/** What ends a journal before its session: a refusal that will not change, or a bug. */
function onFailure(state: WriterState, error: unknown): void {
  if (state.cancelled.signal.aborted) return;
  const kind = error instanceof PermanentError ? 'refused' : 'stopped';
  state.options.onProblem({ kind, why: errorText(error) });
  state.cancelled.abort(error);
  state.scanner.close();
}

function stored(state: WriterState): StoredJournal | undefined {
  const { prefix, segments } = state;
  return prefix === undefined ? undefined : { prefix, segments, status: statusOf(state, 'finished') };
}
