import { closeSync } from 'node:fs';
import { findHoles } from '../../files/holes.ts';
import { startBlocks } from './blocks.ts';
import { isDatabase } from './database.ts';
import { asDatabase, joinDatabase, readDatabase } from './database-changes.ts';
import { dropGeneration, type FileIndex, forgetGeneration, type IndexedFile } from './file-index.ts';
import { type FileStat, isSameFile } from './file-stat.ts';
import {
  carryOverPrefixCheck,
  type Generation,
  isPrefixChecked,
  type NewGeneration,
  newGeneration,
  prefixMatches,
  restartPrefixCheck,
  SLICE_BYTES,
} from './generation.ts';
import { isOutOfSight } from './node.ts';
import { hasCrc, type OpenFile, openFile } from './open-file.ts';
import {
  type FileReading,
  type ReadOptions,
  type ReadResult,
  readNext,
  toFailure,
  undoRead,
} from './read-piece.ts';

/**
 * Reads the next bytes of a file that the journal does not hold: appended ones, or those of a new content. They count
 * as sent from then on.
 */
export async function readChanges(
  index: FileIndex,
  file: IndexedFile,
  options: ReadOptions,
): Promise<ReadResult> {
  if (isOutOfSight(file.node))
    return toFailure('its file system does not answer, or is hidden by another one');
  if (joinDatabase(index, file)) return { kind: 'companion' };
  const open = openFile(file.node.fsPath);
  if ('failed' in open) return toFailure(open.failed);
  try {
    if (!isSameFile(open.stat, file.node.stat)) return await readReplaced({ ...options, index, file, open });
    // What has been one stays one: the journal may hold companions, which end with the content that they belong to.
    if (file.database !== undefined || isDatabase(open))
      return await readDatabase({ ...options, index, file, database: asDatabase(index, file) });
    const reading = { ...options, index, file, open };
    const fault = await lookForHoles(open);
    if (fault !== undefined) return { kind: 'unreadable', why: fault };
    const { pending, current } = file;
    if (pending !== undefined && canContinue(pending, open.stat)) return await readPending(reading, pending);
    if (isChecked(reading)) {
      file.maybeRewritten = true;
      return await readRewritten(reading, current);
    }
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

/**
 * Something else is in the file's place since the last scan. Where the journal has nothing of the path, that is read: a
 * file that is replaced ten times a second would else be missing from a journal's first segment. The next scan tells
 * what it is, and then all of it is compared.
 */
async function readReplaced(reading: FileReading): Promise<ReadResult> {
  const { file, open } = reading;
  if (file.current !== undefined || file.pending !== undefined || isDatabase(open)) return { kind: 'gone' };
  if (isChecked(reading) || (await lookForHoles(open)) !== undefined) return { kind: 'gone' };
  file.maybeRewritten = true;
  return await readNew(reading);
}

/** @returns why that failed; undefined: it did not */
async function lookForHoles(open: OpenFile): Promise<string | undefined> {
  const holes = await findHoles(open.fd, { size: open.stat.size, blocks: open.blocks });
  if (typeof holes === 'string') return holes;
  open.holes = holes;
  return undefined;
}

function canContinue(pending: Generation, stat: FileStat): boolean {
  return isSameFile(pending.startedFrom, stat) && stat.size >= (pending.completeSize ?? 0);
}

async function readNew(reading: FileReading): Promise<ReadResult> {
  const generation = startGeneration(reading, {
    completeSize: undefined,
    blocks: undefined,
    prefixVerified: true,
  });
  reading.file.current = generation;
  return await readNext(reading, generation, undefined);
}

/** undefined: the file is not certain to be the current content with more at its end. */
async function readAppended(reading: FileReading, current: Generation): Promise<ReadResult | undefined> {
  const { index, file, open, pace } = reading;
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
  undoRead(reading, current, before);
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

/** Whether the file is read as a whole only, once its format says that it is one. */
function isChecked({ file, contentCheck }: FileReading): boolean {
  return contentCheck?.concerns(file.node.path) === true;
}

/** @param current undefined: nothing of the file is in the journal */
async function readRewritten(reading: FileReading, current: Generation | undefined): Promise<ReadResult> {
  const { index, file, open, pace, rewriteIntervalMs } = reading;
  if (current !== undefined) {
    file.notBeforeMs = file.appendCreditBytes > 0 ? 0 : file.startedAtMs + rewriteIntervalMs;
    if (performance.now() < file.notBeforeMs) return { kind: 'deferred' };
  }
  const { size } = open.stat;
  const isUnchanged = size === current?.end && (await hasCrc(current, open, pace));
  if (file.pending !== undefined) dropGeneration(index, file.pending);
  file.pending = undefined;
  if (isUnchanged) {
    file.maybeRewritten = false;
    return { kind: 'unchanged', stat: open.stat };
  }
  const isTorn = (await lookAtContent(reading)) !== undefined;
  if (isTorn && waitsForRest(reading)) return { kind: 'deferred' };
  const blocks = startBlocks(index.blocks, size, current);
  file.pending = startGeneration(reading, { completeSize: size, blocks, prefixVerified: false, isTorn });
  return await readPending(reading, file.pending);
}

function lookAtContent({ file, open, contentCheck }: FileReading): Promise<string | undefined> | undefined {
  const { path } = file.node;
  if (contentCheck?.concerns(path) !== true) return undefined;
  const { size, mtimeNs } = open.stat;
  return contentCheck.look({ path, size, mtimeMs: Number(mtimeNs / 1_000_000n), read: open.read });
}

/** So long until a file that is just being written is looked at again. */
const REST_MS = 500;
/** A quarter of a minute; then it is sent as one that is not whole. */
const MAX_TORN_LOOKS = 30;

function waitsForRest({ file, mayWait = false }: FileReading): boolean {
  file.tornLooks += 1;
  file.notBeforeMs = performance.now() + REST_MS;
  return mayWait && file.tornLooks <= MAX_TORN_LOOKS;
}

async function readPending(reading: FileReading, pending: Generation): Promise<ReadResult> {
  const { index, file } = reading;
  const before = { ...pending };
  const result = await readNext(reading, pending, file.current?.number);
  if (result.kind !== 'piece') return result;
  const { changedWhileRead } = result.bytes;
  if (changedWhileRead && !pending.isTorn && isChecked(reading) && waitsForRest(reading)) {
    undoRead(reading, pending, before);
    dropGeneration(index, pending);
    file.pending = undefined;
    file.startedAtMs = Number.NEGATIVE_INFINITY;
    return { kind: 'deferred' };
  }
  if (pending.end !== pending.completeSize) return result;
  if (!changedWhileRead) file.tornLooks = 0;
  if (file.current !== undefined) forgetGeneration(index, file.current);
  file.current = pending;
  file.pending = undefined;
  file.maybeRewritten = changedWhileRead;
  pending.completeSize = undefined;
  return result;
}

/**
 * A log that was truncated looks like a file that was rewritten. Append credit tells the two apart: appended bytes add
 * to it and each new content takes its size off, so that a file that is rewritten again and again soon has to wait.
 */
function startGeneration({ index, file, open }: FileReading, kind: NewGeneration): Generation {
  index.lastGeneration += 1;
  file.startedAtMs = performance.now();
  file.appendCreditBytes = Math.max(0, file.appendCreditBytes - open.stat.size);
  return newGeneration(index.lastGeneration, open.stat, kind);
}
