import { timeoutSignal } from '../../runtime/abort.ts';
import { AlreadyExistsError } from '../../store/store.ts';
import { toText } from '../format/byte-path.ts';
import {
  formatStatus,
  JOURNAL_FORMAT,
  type JournalStatus,
  STATUS_KEY,
  segmentKey,
} from '../format/schema.ts';
import { checksum, encodeSegment } from '../format/segment.ts';
import { reasonOf } from './file-stat.ts';
import { type Gathered, gather } from './segment-builder.ts';
import { type Book, moveCover, takenUntilMs, tellUnreadable, waiting } from './state.ts';

/**
 * Makes the next segment and puts it at the destination, however long that takes. The first is made even when it is
 * empty: it claims the journal's place. @returns whether there was one
 */
export async function shipNext(book: Book, rewriteIntervalMs: number): Promise<boolean> {
  const sequence = book.segments + 1;
  book.arena.used = 0;
  const gathered = await gather(book.ledger, {
    sequence,
    rewriteIntervalMs,
    arena: book.arena,
    onUnreadable: (path, why) => tellUnreadable(book, toText(path), why),
  });
  const coveredUntilMs = takenUntilMs(book.ledger);
  if (gathered === undefined && sequence > 1) {
    moveCover(book, coveredUntilMs);
    return false;
  }
  const body = await encode(book, sequence, coveredUntilMs, gathered ?? NOTHING);
  if (book.prefix === undefined) book.prefix = await claim(book, body);
  else await sendOne(book, `${book.prefix}/${segmentKey(sequence)}`, body, false);
  book.segments = sequence;
  book.previous = checksum([body]);
  book.bytes += body.length;
  moveCover(book, coveredUntilMs);
  if (sequence === 1) tellAlive(book);
  return true;
}

/** Says that the journal is being written; the segments do not wait for a store that takes its time over it. */
export function tellAlive(book: Book): void {
  const over = AbortSignal.any([book.abandoned.signal, book.finishing.signal]);
  book.telling ??= tellStatus(book, 'writing', over)
    .catch((error: unknown) => {
      if (!over.aborted) throw error;
    })
    .finally(() => {
      book.telling = undefined;
    });
}

/** Says in `status.json` how far the journal is; tried once, since the next time says more. */
async function tellStatus(book: Book, state: JournalStatus['state'], signal: AbortSignal): Promise<void> {
  if (book.prefix === undefined) return;
  try {
    const limited = timeoutSignal(STATUS_TRY_MS, signal);
    await book.options.destination.put(`${book.prefix}/${STATUS_KEY}`, encodeStatus(book, state), {
      signal: limited,
    });
    sent(book);
  } catch (error) {
    signal.throwIfAborted();
    failed(book, reasonOf(error));
  }
}

/** Says so that nobody takes the journal for one that is still being written. */
export async function tellFinished(book: Book): Promise<void> {
  await book.telling;
  if (book.prefix !== undefined) {
    await sendOne(book, `${book.prefix}/${STATUS_KEY}`, encodeStatus(book, 'finished'), false);
  }
}

const NOTHING: Gathered = {
  removed: { generations: [], paths: [] },
  folders: [],
  links: [],
  pieces: [],
  placed: [],
};

const STATUS_TRY_MS = 10_000;
const FIRST_ATTEMPT_MS = 20_000;

function encode(book: Book, sequence: number, coveredUntilMs: number, gathered: Gathered): Promise<Buffer> {
  const { pieces, ...changes } = gathered;
  const index = {
    format: JOURNAL_FORMAT,
    run: book.run,
    sequence,
    previous: book.previous,
    about: book.options.about,
    intervalMs: book.options.intervalMs,
    coveredUntil: new Date(coveredUntilMs).toISOString(),
    space: book.ledger.space,
    ...changes,
    waiting: waiting(book.ledger),
  } as const;
  return encodeSegment(index, pieces, book.workspace);
}

function encodeStatus(book: Book, state: JournalStatus['state']): Buffer {
  return Buffer.from(formatStatus(statusOf(book, state)));
}

export function statusOf(book: Book, state: JournalStatus['state']): JournalStatus {
  const { about, intervalMs, heartbeatMs } = book.options;
  return {
    format: JOURNAL_FORMAT,
    run: book.run,
    state,
    sequence: book.segments,
    about,
    intervalMs,
    heartbeatMs,
    coveredUntil: new Date(book.coveredUntilMs).toISOString(),
    waiting: waiting(book.ledger),
  };
}

/** Puts the first segment where no other run's is: at the prefix, or with `.2`, `.3` … behind it. */
async function claim(book: Book, body: Buffer): Promise<string> {
  const { prefix, onProblem } = book.options;
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? prefix : `${prefix}.${n}`;
    try {
      await sendOne(book, `${candidate}/${segmentKey(1)}`, body, true);
      return candidate;
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error;
      onProblem({ kind: 'taken', prefix: candidate });
    }
  }
}

async function sendOne(book: Book, key: string, body: Buffer, ifAbsent: boolean): Promise<void> {
  await book.options.destination.put(key, body, {
    ifAbsent,
    signal: book.abandoned.signal,
    retry: {
      attemptTimeoutMs: FIRST_ATTEMPT_MS,
      urgent: book.finishing.signal,
      onFailure: why => failed(book, why),
    },
  });
  sent(book);
}

function failed(book: Book, why: string): void {
  book.failures += 1;
  if (book.failingSinceMs !== undefined) return;
  book.failingSinceMs = performance.now();
  book.options.onProblem({ kind: 'unreachable', why });
}

function sent(book: Book): void {
  book.sentAtMs = performance.now();
  if (book.failingSinceMs === undefined) return;
  book.options.onProblem({ kind: 'reachable', afterMs: Math.round(performance.now() - book.failingSinceMs) });
  book.failingSinceMs = undefined;
}
