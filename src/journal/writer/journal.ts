import { pause } from '../../runtime/abort.ts';
import type { StoredJournal } from '../format/schema.ts';
import { enter, forgetDeparted } from './file-index.ts';
import { reasonOf } from './file-stat.ts';
import type { JournalOptions } from './options.ts';
import { auditSome } from './prefix-check.ts';
import { type Book, type JournalReport, openBook, report, tellUnreadable, waiting } from './state.ts';
import { shipNext, statusOf, tellAlive, tellFinished } from './uploader.ts';

export interface Journal {
  /**
   * Ships everything that is on disk now, when nobody writes any more, and stops. Never rejects: an aborted signal, or
   * a fault, is told as not durable.
   */
  finish(signal: AbortSignal): Promise<JournalEnd>;
  report(): JournalReport;
  /** What of it is at the store; undefined: nothing yet. */
  stored(): StoredJournal | undefined;
}

export type JournalEnd =
  | { readonly durable: true }
  | { readonly durable: false; readonly why: string; readonly files: number; readonly bytes: number };

/**
 * Ships what changes in the working directory to `<prefix>/00000001.tar.gz` and so on, from now until `finish`: see
 * docs/journal.md. It goes on whatever the destination does; one segment is in the making at a time.
 */
export function startJournal(options: JournalOptions): Journal {
  const book = openBook(options);
  const recording = record(book).catch((error: unknown) => stopped(book, error));
  let end: Promise<JournalEnd> | undefined;
  return {
    finish(signal) {
      end ??= finish(book, recording, signal);
      return end;
    },
    report: () => report(book),
    stored: () => stored(book),
  };
}

/** What is compared of files that have grown after each look: a thousandth of a core. */
const AUDIT_BYTES = 4 * 1024 * 1024;
/** At the end: a twentieth of a second. */
const LAST_AUDIT_BYTES = 64 * 1024 * 1024;

async function record(book: Book): Promise<void> {
  const { intervalMs, rewriteIntervalMs, heartbeatMs } = book.options;
  const finishing = book.finishing.signal;
  while (!finishing.aborted) {
    const startedMs = performance.now();
    const isOver = () => finishing.aborted || performance.now() - startedMs >= intervalMs;
    let isMore = await look(book);
    while (isMore) isMore = (await shipNext(book, rewriteIntervalMs)) && !isOver();
    await auditSome(book.ledger, AUDIT_BYTES);
    if (performance.now() - book.sentAtMs >= heartbeatMs) tellAlive(book);
    // A tree so large that looking at it takes long is looked at less often: for a twentieth of a core at most.
    const periodMs = Math.max(intervalMs, 20 * book.lookMs);
    await pause(periodMs - (performance.now() - startedMs), finishing);
  }
}

/** Looks at the working directory. @returns whether it could be looked at */
async function look(book: Book): Promise<boolean> {
  const before = process.cpuUsage();
  try {
    const findings = await book.tree.scan();
    enter(book.ledger, findings);
    for (const { path, why } of findings.unreadable) tellUnreadable(book, path, why);
    book.isBlind = false;
    return true;
  } catch (error) {
    if (!book.isBlind) book.options.onProblem({ kind: 'blind', why: reasonOf(error) });
    book.isBlind = true;
    return false;
  } finally {
    const { user, system } = process.cpuUsage(before);
    book.lookMs = (user + system) / 1000;
  }
}

async function finish(book: Book, recording: Promise<unknown>, signal: AbortSignal): Promise<JournalEnd> {
  book.finishing.abort();
  const { promise: timeOver, reject } = Promise.withResolvers<never>();
  const abandon = () => {
    book.abandoned.abort(signal.reason);
    reject(signal.reason);
  };
  signal.addEventListener('abort', abandon);
  if (signal.aborted) abandon();
  try {
    await Promise.race([timeOver, shipTheRest(book, recording)]);
    return { durable: true };
  } catch (error) {
    const { files, bytes } = waiting(book.ledger);
    return { durable: false, why: reasonOf(error), files, bytes };
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

async function shipTheRest(book: Book, recording: Promise<unknown>): Promise<void> {
  await recording;
  await shipAll(book);
  await tellFinished(book);
}

/** Ships until a look finds nothing more. @throws when the working directory cannot be looked at */
async function shipAll(book: Book): Promise<void> {
  for (let looks = 0; looks < MAX_LAST_LOOKS; looks += 1) {
    if (!(await look(book))) throw new Error('the working directory cannot be looked at');
    forgetDeparted(book.ledger);
    let shipped = 0;
    while (await shipNext(book, 0)) shipped += 1;
    await auditSome(book.ledger, LAST_AUDIT_BYTES);
    if (shipped === 0 && book.ledger.dirty.size === 0) return;
  }
}

/** Somebody who still writes, if only the supervisor its own log, is not followed for ever. */
const MAX_LAST_LOOKS = 5;

function stopped(book: Book, error: unknown): void {
  if (book.abandoned.signal.aborted) return;
  book.options.onProblem({ kind: 'stopped', why: reasonOf(error) });
  book.abandoned.abort(error);
}

function stored(book: Book): StoredJournal | undefined {
  const { prefix, segments } = book;
  return prefix === undefined ? undefined : { prefix, segments, status: statusOf(book, 'finished') };
}
