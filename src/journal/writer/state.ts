import type { BytePath } from '../format/byte-path.ts';
import type { People } from '../format/people.ts';
import { type BacklogRecord, SEGMENT_BYTES } from '../format/schema.ts';
import { endCopy } from './database.ts';
import { createFileIndex, type FileIndex } from './file-index.ts';
import type { JournalOptions, Pace } from './options.ts';
import type { Arena } from './read-parts.ts';
import type { ScanResult } from './scan.ts';
import { createScanner, type Scanner } from './scanner.ts';
import { isRewrite, unsentBytes } from './scheduler.ts';

/** The state of a journal that is being written. */
export interface WriterState {
  readonly options: JournalOptions;
  scanner: Scanner;
  index: FileIndex;
  /** Aborted when nothing is written to the working directory any more: what is left is sent without waiting. */
  readonly finishing: AbortController;
  /** Aborted when nothing more is to be sent. */
  readonly cancelled: AbortController;
  readonly reportedUnreadable: Set<string>;
  /** What the last scan could not look at, and why; files that could not be read are in the index. */
  unscanned: ScanResult['unreadable'];
  /** For the content of the next segment; of this, and of the buffers for tars, only what is used takes memory. */
  readonly arena: Arena;
  /** Those that no segment is being compressed from. */
  readonly tarBuffers: Buffer[];
  /** Segments that are read and not stored, in their order. */
  readonly ahead: SegmentAhead[];
  /** How long the last segment took to be stored; Infinity: there was none. */
  putMs: number;
  /** Of what it does just now. */
  pace: () => Pace;
  /** Where the segments are; undefined until the first one is stored. */
  prefix: string | undefined;
  /** The first prefix to be tried is the n-th: those before it are known to be taken. */
  nth: number;
  /** How many segments are stored. */
  segments: number;
  /** CRC-32 of the last one, as the next one names it. */
  previousCrc: string;
  /** Of all of them, compressed. */
  bytes: number;
  /** Nothing of the working directory is in any of them, nor in those of before a recovery took the journal. */
  isEmpty: boolean;
  /** Failed requests. */
  failures: number;
  /** performance.now(); undefined: the last request succeeded. */
  failingSinceMs: number | undefined;
  /** performance.now() of the last successful request. */
  uploadedAtMs: number;
  /** The status is being put, beside the segments. */
  heartbeat: Promise<void> | undefined;
  /** Who takes part in the session, as the last one says that was put. */
  toldPeople: People | undefined;
  /** CPU time of the last scan. */
  scanCpuMs: number;
  workdirUnreadable: boolean;
  /** The last look has found nothing that is not in stored segments, but for what cannot be read. */
  flushed: { readonly unreadable: string | undefined } | undefined;
  /** The last status is stored. */
  isEnded: boolean;
  coveredUntilMs: number;
  greatestLagMs: number;
}

/** A segment that is read, and being compressed, while the one before it may not be stored. */
export interface SegmentAhead {
  readonly sequence: number;
  readonly coveredUntilMs: number;
  readonly isEmpty: boolean;
  /** How many bytes of which files wait in it. */
  readonly files: ReadonlyMap<BytePath, number>;
  /** How long reading and compressing it has taken. */
  workMs(): number;
  /** @param previous the checksum of the segment before it */
  encode(previous: string): Promise<Buffer>;
}

export interface JournalReport {
  /** Where it is: the prefix asked for, or with `.2`, `.3` … when that was another run's; undefined: nowhere yet. */
  readonly prefix: string | undefined;
  readonly segments: number;
  /** Uploaded, compressed. */
  readonly bytes: number;
  /** Nothing of the working directory has been uploaded. */
  readonly isEmpty: boolean;
  /** Failed requests. */
  readonly failures: number;
  /** The age of the oldest bytes that are not in segments, deferred rewrites apart. */
  readonly lagMs: number;
  readonly greatestLagMs: number;
  /** What was written before this is in segments (Date.now). */
  readonly coveredUntilMs: number;
  readonly backlog: { readonly files: number; readonly bytes: number };
}

export function createWriterState(options: JournalOptions): WriterState {
  return {
    options,
    scanner: createScanner(options.selection, options.rootAtStart),
    index: createFileIndex(),
    finishing: new AbortController(),
    cancelled: new AbortController(),
    reportedUnreadable: new Set(),
    unscanned: [],
    arena: { bytes: Buffer.allocUnsafeSlow(SEGMENT_BYTES), used: 0 },
    tarBuffers: [],
    ahead: [],
    putMs: Infinity,
    pace: () => 'all-cores',
    prefix: undefined,
    nth: 1,
    segments: 0,
    previousCrc: NO_CRC,
    bytes: 0,
    isEmpty: true,
    failures: 0,
    failingSinceMs: undefined,
    uploadedAtMs: 0,
    heartbeat: undefined,
    toldPeople: undefined,
    scanCpuMs: 0,
    workdirUnreadable: false,
    flushed: undefined,
    isEnded: false,
    coveredUntilMs: options.sinceMs,
    greatestLagMs: 0,
  };
}

/** Begins another journal with all that is on disk: a recovery has this one. */
export function beginAnew(state: WriterState): void {
  if (state.index.copied !== undefined) endCopy(state.index.copied);
  state.scanner.close();
  state.scanner = createScanner(state.options.selection, state.options.rootAtStart);
  state.index = createFileIndex();
  state.ahead.length = 0;
  state.prefix = undefined;
  state.toldPeople = undefined;
  state.nth += 1;
  state.segments = 0;
  state.previousCrc = NO_CRC;
  state.flushed = undefined;
  state.coveredUntilMs = state.options.sinceMs;
}

export function report(state: WriterState): JournalReport {
  const { files, bytes } = unstored(state);
  const lagMs = lag(state);
  return {
    prefix: state.prefix,
    segments: state.segments,
    bytes: state.bytes,
    isEmpty: state.isEmpty,
    failures: state.failures,
    lagMs,
    greatestLagMs: Math.max(state.greatestLagMs, lagMs),
    coveredUntilMs: state.coveredUntilMs,
    backlog: { files, bytes },
  };
}

/** Everything written before this moment is in stored segments. */
export function advanceCoveredUntil(state: WriterState, coveredUntilMs: number): void {
  state.greatestLagMs = Math.max(state.greatestLagMs, lag(state));
  state.coveredUntilMs = coveredUntilMs;
}

/** Everything written before this moment has been read, but for rewrites that wait and what is unreadable (Date.now). */
export function readUntilMs({ dirty, pendingRemoval, scannedAtMs }: FileIndex): number {
  const unsent = [...dirty, ...pendingRemoval].filter(
    file => !isRewrite(file) && file.unreadable === undefined,
  );
  return unsent.reduce((until, file) => Math.min(until, file.unsentSinceMs ?? until), scannedAtMs);
}

/** What is known to differ from what has been read; a file that was removed does until its removal is in a segment. */
export function backlog({ dirty, pendingRemoval }: FileIndex): BacklogRecord {
  const unsent = [...dirty, ...pendingRemoval];
  return {
    files: unsent.length,
    bytes: unsent.reduce((bytes, file) => bytes + unsentBytes(file), 0),
    paths: unsent.slice(0, MAX_NAMED).map(file => file.node.path),
  };
}

/** What is known to differ from the segments that are stored. */
export function unstored({ index, ahead }: Pick<WriterState, 'index' | 'ahead'>): BacklogRecord {
  const known = backlog(index);
  if (ahead.length === 0) return known;
  const paths = new Set([...index.dirty, ...index.pendingRemoval].map(file => file.node.path));
  let { bytes } = known;
  for (const [path, waiting] of ahead.flatMap(({ files }) => [...files])) {
    paths.add(path);
    bytes += waiting;
  }
  return { files: paths.size, bytes, paths: [...paths].slice(0, MAX_NAMED) };
}

/** Reports a file that cannot be read, the first time. */
export function reportUnreadable(state: WriterState, path: string, why: string): void {
  if (state.reportedUnreadable.has(path) || state.reportedUnreadable.size >= MAX_REPORTED) return;
  state.reportedUnreadable.add(path);
  state.options.onProblem({ kind: 'file-unreadable', path, why });
}

/** What the first segment follows. */
const NO_CRC = '00000000';
const MAX_NAMED = 100;
const MAX_REPORTED = 1000;

function lag(state: WriterState): number {
  return Math.max(0, Date.now() - state.coveredUntilMs);
}
