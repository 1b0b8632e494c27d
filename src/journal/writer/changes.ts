import { closeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Yielder } from '../../runtime/concurrency.ts';
import { dropGeneration, type FileIndex, type IndexedFile } from './file-index.ts';
import { type FileStat, isSameFile } from './file-stat.ts';
import {
  carryOverPrefixCheck,
  extend,
  type Generation,
  isPrefixChecked,
  newGeneration,
  prefixMatches,
  restartPrefixCheck,
  SLICE_BYTES,
} from './generation.ts';
import { hasCrc, isUntouched, type OpenFile, openFile } from './open-file.ts';

/** What reading a file that may have changed has given. */
export type ReadResult =
  | { readonly kind: 'piece'; readonly bytes: PieceBytes }
  /** The journal holds all of it. */
  | { readonly kind: 'unchanged'; readonly stat: FileStat }
  /** It has been rewritten, too soon after the last time: it is read later. */
  | { readonly kind: 'deferred' }
  /** It has been removed or replaced: the next scan tells which. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** The next bytes of a generation. */
export interface PieceBytes {
  readonly generation: Generation;
  readonly offset: number;
  readonly length: number;
  /** In the arena. */
  readonly body: Buffer;
  readonly crc: number;
  /** The file as it was before it was read. */
  readonly stat: FileStat;
  readonly completeSize: number | undefined;
  /** The number of the generation that ends when this one is complete. */
  readonly replaces: number | undefined;
  readonly changedWhileRead: boolean;
  /** The journal holds now all that the file had. */
  readonly isLast: boolean;
}

/** One buffer for all the bytes of a segment, used again for the next one. */
export interface Arena {
  readonly bytes: Buffer;
  used: number;
}

export interface ReadOptions {
  /** At most so many bytes. */
  readonly maxBytes: number;
  /** Where they are read to. */
  readonly arena: Arena;
  /**
   * From the start of one content of a file to that of the next, at least; 0: none. A file with append credit, such as
   * a log, does not wait.
   */
  readonly rewriteIntervalMs: number;
  readonly pace: Yielder;
}

/** Reading one file. */
interface FileReading extends ReadOptions {
  readonly index: FileIndex;
  readonly file: IndexedFile;
  readonly open: OpenFile;
}

/**
 * Reads the next bytes of a file that the journal does not hold: appended ones, or those of a new content. They count
 * as sent from then on.
 */
export async function readChanges(
  index: FileIndex,
  file: IndexedFile,
  options: ReadOptions,
): Promise<ReadResult> {
  const open = openFile(file.node.fsPath);
  if ('failed' in open) return toFailure(open.failed);
  try {
    if (!isSameFile(open.stat, file.node.stat)) return { kind: 'gone' };
    const reading = { ...options, index, file, open };
    const { pending, current } = file;
    if (pending !== undefined && canContinue(pending, open.stat)) return await readPending(reading, pending);
    if (current === undefined) return await readNew(reading);
    if (!file.maybeRewritten) {
      const result = await readAppended(reading, current);
      if (result !== undefined) return result;
    }
    file.maybeRewritten = true;
    return await readRewritten(reading, current);
  } finally {
    closeSync(open.fd);
  }
}

function toFailure(why: string | undefined): ReadResult {
  return why === undefined ? { kind: 'gone' } : { kind: 'unreadable', why };
}

function canContinue(pending: Generation, stat: FileStat): boolean {
  return isSameFile(pending.startedFrom, stat) && stat.size >= (pending.completeSize ?? 0);
}

async function readNew(reading: FileReading): Promise<ReadResult> {
  const generation = startGeneration(reading, { completeSize: undefined, prefixVerified: true });
  reading.file.current = generation;
  return await readNext(reading, generation, undefined);
}

/** undefined: the file is not certain to be the current content with more at its end. */
async function readAppended(reading: FileReading, current: Generation): Promise<ReadResult | undefined> {
  const { index, file, open, pace, arena } = reading;
  if (open.stat.size < current.end) return undefined;
  if (open.stat.size === current.end) {
    return (await isUnchanged(reading, current)) ? { kind: 'unchanged', stat: open.stat } : undefined;
  }
  // Read first, then checked: a truncation and rewrite in between is noticed.
  const before = { ...current };
  const result = await readNext(reading, current, undefined);
  if (result.kind !== 'piece') return result;
  const isAppend =
    prefixMatches(before, open.read) && (before.prefixVerified || (await hasCrc(before, open, pace)));
  if (isAppend) {
    carryOverPrefixCheck(current, before);
    current.prefixVerified = true;
    file.appendCreditBytes += Math.max(0, current.end - Math.max(before.end, before.startedFrom.size));
    if (!isPrefixChecked(current)) index.prefixChecks.add(file);
    return result;
  }
  index.contentBytes -= current.end - before.end;
  arena.used -= current.end - before.end;
  Object.assign(current, before);
  return undefined;
}

/** Whether the bytes of a file that still has its size are the same. */
async function isUnchanged({ index, file, open, pace }: FileReading, current: Generation): Promise<boolean> {
  if (current.end <= SLICE_BYTES) return hasCrc(current, open, pace);
  if (file.lastReadStat?.mtimeNs !== open.stat.mtimeNs) return false;
  // Two writes within a tick of the clock leave the same time: all of it is compared again, a slice at a time.
  restartPrefixCheck(current);
  index.prefixChecks.add(file);
  return prefixMatches(current, open.read);
}

async function readRewritten(reading: FileReading, current: Generation): Promise<ReadResult> {
  const { index, file, open, pace, rewriteIntervalMs } = reading;
  file.notBeforeMs = file.appendCreditBytes > 0 ? 0 : file.startedAtMs + rewriteIntervalMs;
  if (performance.now() < file.notBeforeMs) return { kind: 'deferred' };
  const { size } = open.stat;
  const isUnchanged = size === current.end && (await hasCrc(current, open, pace));
  if (file.pending !== undefined) dropGeneration(index, file.pending);
  file.pending = undefined;
  if (isUnchanged) {
    file.maybeRewritten = false;
    return { kind: 'unchanged', stat: open.stat };
  }
  file.pending = startGeneration(reading, { completeSize: size, prefixVerified: false });
  return await readPending(reading, file.pending);
}

async function readPending(reading: FileReading, pending: Generation): Promise<ReadResult> {
  const { index, file } = reading;
  const result = await readNext(reading, pending, file.current?.number);
  if (result.kind !== 'piece' || pending.end !== pending.completeSize) return result;
  if (file.current !== undefined) index.contentBytes -= file.current.end;
  file.current = pending;
  file.pending = undefined;
  file.maybeRewritten = result.bytes.changedWhileRead;
  pending.completeSize = undefined;
  return result;
}

/**
 * A log that was truncated looks like a file that was rewritten. Append credit tells the two apart: appended bytes add
 * to it and each new content takes its size off, so that a file that is rewritten again and again soon has to wait.
 */
function startGeneration(
  { index, file, open }: FileReading,
  kind: { readonly completeSize: number | undefined; readonly prefixVerified: boolean },
): Generation {
  index.lastGeneration += 1;
  file.startedAtMs = performance.now();
  file.appendCreditBytes = Math.max(0, file.appendCreditBytes - open.stat.size);
  return newGeneration(index.lastGeneration, open.stat, kind);
}

/** The generation's next bytes, as far as the file and the limit go. */
async function readNext(
  { index, open, maxBytes, arena, pace }: FileReading,
  generation: Generation,
  replaces: number | undefined,
): Promise<ReadResult> {
  const { completeSize, end: offset } = generation;
  const limit = Math.min(offset + maxBytes, completeSize ?? open.stat.size);
  const from = arena.used;
  let crc = 0;
  while (generation.end < limit) {
    await pace();
    const free = arena.bytes.subarray(arena.used, arena.used + Math.min(SLICE_BYTES, limit - generation.end));
    const slice = open.readInto(free, generation.end);
    if (slice.length === 0) break;
    arena.used += slice.length;
    extend(generation, slice);
    crc = crc32(slice, crc);
  }
  const body = arena.bytes.subarray(from, arena.used);
  // It was truncated just now, or the disk fails to read more of it.
  if (body.length === 0 && limit > offset) return toFailure(open.fault);
  index.contentBytes += generation.end - offset;
  index.peakBytes = Math.max(index.peakBytes, index.contentBytes);
  const bytes = {
    generation,
    offset,
    length: generation.end - offset,
    body,
    crc,
    stat: open.stat,
    completeSize,
    replaces,
    changedWhileRead: completeSize !== undefined && !isUntouched(generation.startedFrom, open.statAgain()),
    isLast: generation.end === open.stat.size,
  };
  return { kind: 'piece', bytes };
}
