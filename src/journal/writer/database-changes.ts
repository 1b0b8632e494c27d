import { closeSync } from 'node:fs';
import { startBlocks } from './blocks.ts';
import {
  companionNodes,
  type Database,
  type DatabaseCopy,
  endCopy,
  isDatabaseAt,
  type Members,
  mainNode,
  pathOf,
  SUFFIXES,
  type UnsentFile,
} from './database.ts';
import { type CopiedFile, copyDatabase } from './database-copy.ts';
import {
  drop,
  dropGeneration,
  type FileIndex,
  forgetGeneration,
  type IndexedFile,
  markDirty,
} from './file-index.ts';
import { type FileStat, isSameFile } from './file-stat.ts';
import { newGeneration, prefixMatches } from './generation.ts';
import { isRacy } from './node.ts';
import { hasCrc, isUntouched, openFile } from './open-file.ts';
import { type FileReading, type ReadResult, readNext, undoRead } from './read-piece.ts';

/** Reading a database with its companions. */
interface DatabaseReading extends Omit<FileReading, 'open'> {
  readonly database: Database;
}

/** Whether it is a companion of a database. What the journal has of it by itself, from before that was one, ends. */
export function joinDatabase(index: FileIndex, file: IndexedFile): boolean {
  const main = mainNode(file.node);
  const owner = main && index.files.get(main);
  if (owner === undefined || !isKnownOrDatabase(index, owner)) return false;
  drop(index, file);
  file.current = undefined;
  file.pending = undefined;
  file.database = undefined;
  return true;
}

function isKnownOrDatabase(index: FileIndex, file: IndexedFile): boolean {
  if (file.database !== undefined) return true;
  if (!isDatabaseAt(file.node.fsPath)) return false;
  asDatabase(index, file);
  markDirty(index, file);
  return true;
}

/** A file that turns out to be a database. What the journal holds of it counts until a copy of it does. */
export function asDatabase(index: FileIndex, file: IndexedFile): Database {
  if (file.database !== undefined) return file.database;
  const { current, pending, lastReadStat, node } = file;
  if (pending !== undefined) dropGeneration(index, pending);
  file.pending = undefined;
  index.prefixChecks.delete(file);
  for (const companion of companionNodes(node)) {
    const known = index.files.get(companion);
    if (known !== undefined) markDirty(index, known);
  }
  const members: Members = new Map();
  if (current !== undefined) members.set('', { generation: current, stat: lastReadStat ?? node.stat });
  file.database = { members, isSettled: false, isTorn: false, copy: undefined, notBeforeMs: 0 };
  return file.database;
}

/**
 * The next bytes of a database: those of a new content, all files of one moment, which count when all are in segments;
 * or what has been appended to its write-ahead log since.
 */
export async function readDatabase(reading: DatabaseReading): Promise<ReadResult> {
  const { file, database } = reading;
  if (database.copy === undefined) {
    const appended = await readAppendedWal(reading);
    if (appended !== undefined) return appended;
    if (await isAsItWas(reading)) return unchanged(database, file);
    const result = await startCopy(reading);
    if (result !== undefined) return result;
  }
  return database.copy === undefined ? unchanged(database, file) : await readCopy(reading, database.copy);
}

function unchanged({ members }: Database, { node }: IndexedFile): ReadResult {
  return { kind: 'unchanged', stat: members.get('')?.stat ?? node.stat };
}

/**
 * A write-ahead log only grows, until it is begun anew with other numbers in its header. So far as it is the same one it
 * belongs to the copy of the database, even if some of it is in the database by now.
 */
async function readAppendedWal(reading: DatabaseReading): Promise<ReadResult | undefined> {
  const { file, database } = reading;
  const wal = database.members.get('-wal');
  if (wal === undefined || wal.generation.end < WAL_HEADER_BYTES) return undefined;
  const open = openFile(pathOf(file.node, '-wal'));
  if ('failed' in open) return undefined;
  try {
    if (!isSameFile(open.stat, wal.stat) || open.stat.size <= wal.generation.end) return undefined;
    const before = { ...wal.generation };
    const result = await readNext({ ...reading, open }, wal.generation, undefined);
    if (result.kind !== 'piece') return undefined;
    // Read first, then checked: that it was begun anew in between is noticed.
    if (!prefixMatches(before, open.read)) {
      undoRead(reading, wal.generation, before);
      return undefined;
    }
    wal.stat = open.stat;
    return { kind: 'piece', bytes: { ...result.bytes, suffix: '-wal', isLast: false } };
  } finally {
    closeSync(open.fd);
  }
}

const WAL_HEADER_BYTES = 32;

/** Whether the journal holds all of it. */
async function isAsItWas({ file, database, pace }: DatabaseReading): Promise<boolean> {
  if (database.isTorn) return false;
  let isSettled = true;
  for (const suffix of SUFFIXES) {
    const member = database.members.get(suffix);
    const open = openFile(pathOf(file.node, suffix));
    if ('failed' in open) {
      if (member !== undefined || open.failed !== undefined) return false;
      continue;
    }
    try {
      if (member === undefined || !isSameFile(open.stat, member.stat)) return false;
      if (open.stat.size !== member.generation.end) return false;
      // It has been written to since it was copied; what is in doubt is compared.
      const isLog = suffix === '-wal';
      if (!isLog && !isUnchanged(open.stat, member.stat)) return false;
      isSettled &&= isLog || !isRacy(open.stat);
      if ((isLog || !database.isSettled) && !(await hasCrc(member.generation, open, pace))) return false;
    } finally {
      closeSync(open.fd);
    }
  }
  database.isSettled = isSettled;
  return true;
}

function isUnchanged(now: FileStat, before: FileStat): boolean {
  return isUntouched(now, before) && now.ctimeNs === before.ctimeNs;
}

/** undefined: what there is to send is in the copy, or there is nothing. */
async function startCopy(reading: DatabaseReading): Promise<ReadResult | undefined> {
  const { index, file, database, rewriteIntervalMs, scratch, pace } = reading;
  const startedMs = performance.now();
  const isTooSoon = rewriteIntervalMs > 0 && startedMs < database.notBeforeMs;
  if (isTooSoon || index.copied?.copy !== undefined) return { kind: 'deferred' };
  const waitedMs = Date.now() - (file.unsentSinceMs ?? Date.now());
  const copied = await copyDatabase(file.node, {
    scratch,
    pace,
    acceptTorn: file.current === undefined && waitedMs > rewriteIntervalMs,
  });
  if (copied.kind === 'unreadable') return copied;
  database.notBeforeMs = performance.now() + REST * copied.spentMs;
  if (copied.kind === 'changing') return { kind: 'deferred' };
  if (!copied.isTorn) database.notBeforeMs = Math.max(database.notBeforeMs, startedMs + rewriteIntervalMs);
  takeOver(reading, copied.files, copied.isTorn);
  return undefined;
}

/** A database that is written to all the time takes no more than a twentieth of a core. */
const REST = 20;

/** Of files that are as the journal has them nothing is sent. */
function takeOver(
  { index, file: main, database }: DatabaseReading,
  files: readonly CopiedFile[],
  isTorn: boolean,
): void {
  const members: Members = new Map();
  const unsent: UnsentFile[] = [];
  database.isSettled = false;
  for (const { suffix, stat, crc, file } of files) {
    const known = database.isTorn ? undefined : database.members.get(suffix);
    if (known !== undefined && known.generation.end === stat.size && known.generation.crc === crc) {
      closeSync(file.fd);
      members.set(suffix, { generation: known.generation, stat });
      if (!isUnchanged(stat, known.stat)) index.metadataChanged.add(main);
      continue;
    }
    index.lastGeneration += 1;
    const blocks = startBlocks(index.blocks, stat.size, known?.generation);
    const kind = { completeSize: stat.size, blocks, prefixVerified: true };
    const generation = newGeneration(index.lastGeneration, stat, kind);
    members.set(suffix, { generation, stat });
    unsent.push({ suffix, generation, file });
  }
  const kept = Array.from(members.values(), ({ generation }) => generation);
  const before = Array.from(database.members.values(), ({ generation }) => generation);
  const replaces = before.filter(generation => !kept.includes(generation));
  if (unsent.length > 0) {
    database.copy = { members, unsent, replaces, isTorn };
    index.copied = database;
  } else {
    database.members = members;
    for (const generation of replaces) dropGeneration(index, generation);
  }
}

async function readCopy(reading: DatabaseReading, copy: DatabaseCopy): Promise<ReadResult> {
  const [next] = copy.unsent;
  if (next === undefined) throw new Error('a copy of a database has no files');
  const { suffix, generation, file } = next;
  const result = await readNext({ ...reading, open: file }, generation, undefined);
  if (result.kind !== 'piece') return result;
  if (generation.end === generation.completeSize) {
    copy.unsent.shift();
    closeSync(file.fd);
  }
  if (copy.unsent.length === 0) complete(reading, copy);
  const set = {
    generations: Array.from(copy.members.values(), member => member.generation.number),
    replaces: copy.replaces.map(({ number }) => number),
  };
  return {
    kind: 'piece',
    bytes: { ...result.bytes, suffix, set, changedWhileRead: copy.isTorn, isLast: false },
  };
}

function complete(
  { index, file, database }: DatabaseReading,
  { members, replaces, isTorn }: DatabaseCopy,
): void {
  for (const generation of replaces) forgetGeneration(index, generation);
  for (const { generation } of members.values()) generation.completeSize = undefined;
  file.current = members.get('')?.generation;
  file.maybeRewritten = false;
  database.members = members;
  database.isTorn = isTorn;
  endCopy(database);
}
