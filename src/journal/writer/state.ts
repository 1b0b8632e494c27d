import { randomUUID } from 'node:crypto';
import { type BacklogRecord, SEGMENT_BYTES } from '../format/schema.ts';
import type { Arena } from './changes.ts';
import { createLedger, type Ledger } from './file-index.ts';
import type { JournalOptions } from './options.ts';
import { createScanner, type Scanner } from './scanner.ts';
import { bytesBehind, isRenewed } from './scheduler.ts';

/** A journal that is being written. */
export interface Book {
  readonly options: JournalOptions;
  /** Tells this run's segments from those of any other. */
  readonly run: string;
  readonly scanner: Scanner;
  readonly ledger: Ledger;
  /** Nobody writes any more: what is there is sent without waiting. */
  readonly finishing: AbortController;
  /** Nothing more is sent. */
  readonly abandoned: AbortController;
  readonly toldUnreadable: Set<string>;
  /** For the bytes of the segment that is in the making, and for its tar: only what is used takes memory. */
  readonly arena: Arena;
  readonly workspace: Buffer;
  /** Where the segments are, once the first one is. */
  prefix: string | undefined;
  segments: number;
  /** CRC-32 of the last segment. */
  previous: string;
  bytes: number;
  failures: number;
  /** performance.now() */
  failingSinceMs: number | undefined;
  /** performance.now() */
  sentAtMs: number;
  /** The status is being put, beside the segments. */
  telling: Promise<void> | undefined;
  /** CPU time of the last look at the working directory. */
  lookMs: number;
  isBlind: boolean;
  coveredUntilMs: number;
  greatestLagMs: number;
}

export interface JournalReport {
  /** Where it is: the one asked for, or with `.2`, `.3` … when that was another run's; undefined: nowhere yet. */
  readonly prefix: string | undefined;
  readonly segments: number;
  /** Sent, compressed. */
  readonly bytes: number;
  readonly failures: number;
  /** The age of the oldest bytes that are not safe, files that wait for their next rewriting apart. */
  readonly lagMs: number;
  readonly greatestLagMs: number;
  /** What was written before this is safe, in milliseconds since the epoch. */
  readonly coveredUntilMs: number;
  readonly waiting: { readonly files: number; readonly bytes: number };
}

export function openBook(options: JournalOptions): Book {
  return {
    options,
    run: randomUUID(),
    scanner: createScanner(options.selection),
    ledger: createLedger(),
    finishing: new AbortController(),
    abandoned: new AbortController(),
    toldUnreadable: new Set(),
    arena: { bytes: Buffer.allocUnsafeSlow(SEGMENT_BYTES), used: 0 },
    workspace: Buffer.allocUnsafeSlow(SEGMENT_BYTES),
    prefix: undefined,
    segments: 0,
    previous: '00000000',
    bytes: 0,
    failures: 0,
    failingSinceMs: undefined,
    sentAtMs: 0,
    telling: undefined,
    lookMs: 0,
    isBlind: false,
    coveredUntilMs: Date.now(),
    greatestLagMs: 0,
  };
}

export function report(book: Book): JournalReport {
  const { files, bytes } = waiting(book.ledger);
  const lagMs = lag(book);
  return {
    prefix: book.prefix,
    segments: book.segments,
    bytes: book.bytes,
    failures: book.failures,
    lagMs,
    greatestLagMs: Math.max(book.greatestLagMs, lagMs),
    coveredUntilMs: book.coveredUntilMs,
    waiting: { files, bytes },
  };
}

/** What has been taken from the working directory is safe. */
export function moveCover(book: Book, coveredUntilMs: number): void {
  book.greatestLagMs = Math.max(book.greatestLagMs, lag(book));
  book.coveredUntilMs = coveredUntilMs;
}

/** What was written before this moment is in segments; files that wait for their next rewriting apart. */
export function takenUntilMs({ dirty, departed, scannedAtMs }: Ledger): number {
  const behind = [...dirty, ...departed].filter(tracked => !isRenewed(tracked));
  return behind.reduce((until, tracked) => Math.min(until, tracked.behindSinceMs ?? until), scannedAtMs);
}

/** What is known to differ from the journal. */
export function waiting({ dirty }: Ledger): BacklogRecord {
  const behind = [...dirty];
  return {
    files: behind.length,
    bytes: behind.reduce((bytes, tracked) => bytes + bytesBehind(tracked), 0),
    paths: behind.slice(0, MAX_NAMED).map(tracked => tracked.node.path),
  };
}

/** Tells of each file once. */
export function tellUnreadable(book: Book, path: string, why: string): void {
  if (book.toldUnreadable.has(path) || book.toldUnreadable.size >= MAX_TOLD) return;
  book.toldUnreadable.add(path);
  book.options.onProblem({ kind: 'unreadable', path, why });
}

const MAX_NAMED = 100;
const MAX_TOLD = 1000;

function lag(book: Book): number {
  return Math.max(0, Date.now() - book.coveredUntilMs);
}
