import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { mainPath } from '../files/database.ts';
import { describeFsError } from '../files/errno.ts';
import { findHoles, lengthOf, mayHaveHoles, type Span } from '../files/holes.ts';
import { foldersLeftOut, LAST_ANSWER_MS } from '../files/left-out.ts';
import { createFileCalls, type FileCalls } from '../files/open.ts';
import { type Chooser, chooser, type Selection } from '../files/selection.ts';
import { END_OF_TAR, tarEntryBytes } from '../files/tar.ts';
import { mapConcurrently } from '../runtime/concurrency.ts';
import { isDatabaseAt } from './database-at.ts';

/** Something below the root. Paths are bytes: a name need not be UTF-8. */
export type Entry =
  | {
      readonly kind: 'file' | 'directory' | 'link';
      /** Relative to the root. */
      readonly path: Buffer;
      readonly absolute: Buffer;
    }
  | { readonly kind: 'skipped'; readonly path: Buffer; readonly why: string };

/**
 * Everything that is selected, parents first, each folder in the byte order of its names: the same tree gives the same
 * order. It comes in batches, which costs much less than one entry at a time, and keeps one listing for each level.
 * What cannot be archived, and folders that cannot be read, are `skipped`.
 */
export async function* walk(selection: Selection, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
  const root = Buffer.from(`${selection.root}/`);
  const path = Buffer.from(selection.root).toString('latin1');
  const leftOut = await foldersLeftOut(path, LAST_ANSWER_MS);
  const why = leftOut.get(path);
  if (why !== undefined) {
    yield [{ kind: 'skipped', path: NO_PATH, why }];
    return;
  }
  const top: Folder = {
    slashed: root,
    path: NO_PATH,
    parent: undefined,
    isFullyIncluded: selection.include.length === 0,
    isEmitted: true,
  };
  const context = {
    choose: chooser(selection),
    rootBytes: root.length,
    files: createFileCalls(),
    leftOut,
    signal,
  };
  const rest = yield* walkFolder(top, [], context);
  if (rest.length > 0) yield rest;
}

export interface Survey {
  readonly files: number;
  /** Content of the files. */
  readonly bytes: number;
  /** No archive of them is larger, whatever its codec, unless they grow. */
  readonly archiveBytes: number;
}

/** Counts what an archive would hold. */
export async function survey(selection: Selection, signal: AbortSignal): Promise<Survey> {
  const files = createFileCalls();
  const measure = (batch: readonly Entry[]) => Promise.all(batch.map(entry => measureEntry(entry, files)));
  let [count, bytes, tarBytes] = [0, 0, END_OF_TAR.length];
  for await (const batch of mapConcurrently(walk(selection, signal), 2, measure)) {
    for (const measured of batch) {
      tarBytes += measured.tarBytes;
      bytes += measured.bytes ?? 0;
      if (measured.bytes !== undefined) count += 1;
    }
  }
  return { files: count, bytes, archiveBytes: Math.ceil(tarBytes * 1.001) + 65_536 };
}

const BATCH = 32;
const TURN_MS = 10;
const NO_PATH = Buffer.alloc(0);
const SLASH = Buffer.from('/');

interface Folder {
  /** Absolute, with a slash at its end. */
  readonly slashed: Buffer;
  /** Relative to the root. */
  readonly path: Buffer;
  readonly parent: Folder | undefined;
  /** Everything below it is included; otherwise each entry is matched. */
  readonly isFullyIncluded: boolean;
  /** Its own entry has been given. A folder that is not included itself is given before the first entry below it. */
  isEmitted: boolean;
}

interface WalkContext {
  readonly choose: Chooser;
  /** The length of the root's path with its slash. */
  readonly rootBytes: number;
  readonly files: FileCalls;
  /** Why, by absolute path. */
  readonly leftOut: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/**
 * Yields the batches that become full.
 * @param started the batch to add to
 * @returns the batch that is not full yet
 */
async function* walkFolder(
  folder: Folder,
  started: Entry[],
  context: WalkContext,
): AsyncGenerator<readonly Entry[], Entry[]> {
  const { choose, rootBytes, signal } = context;
  let batch = started;
  signal.throwIfAborted();
  if (folder.isFullyIncluded) emitWithParents(folder, batch);
  const children = await list(folder.slashed);
  if (typeof children === 'string') return [...batch, { kind: 'skipped', path: folder.path, why: children }];
  let turnedMs = performance.now();
  for (const child of children) {
    if (batch.length >= BATCH) {
      yield batch;
      batch = [];
    }
    // Cached files are read synchronously: timers and sockets get their turn here.
    if (performance.now() - turnedMs > TURN_MS) {
      await setImmediate();
      signal.throwIfAborted();
      turnedMs = performance.now();
    }
    const absolute = Buffer.concat([folder.slashed, child.name]);
    const path = absolute.subarray(rootBytes);
    const isExcluded = choose.excludes(path);
    const isFullyIncluded = folder.isFullyIncluded || choose.includes(path);
    if (child.isDirectory()) {
      if (isExcluded) continue;
      const why = context.leftOut.get(absolute.toString('latin1'));
      if (why !== undefined) {
        if (isFullyIncluded) batch.push({ kind: 'skipped', path, why });
        continue;
      }
      const slashed = Buffer.concat([absolute, SLASH]);
      const inner = { slashed, path, parent: folder, isFullyIncluded, isEmitted: false };
      batch = yield* walkFolder(inner, batch, context);
    } else if ((isFullyIncluded && !isExcluded) || (await isOfDatabase(child, path, folder, context))) {
      emitWithParents(folder, batch);
      batch.push(toEntry(absolute, path, child));
    }
  }
  return batch;
}

/**
 * Whether a file that the globs leave out is part of a database that they do not: without it SQLite cannot tell what of
 * the database counts, and the journal has it as well.
 */
async function isOfDatabase(
  child: Dirent<Buffer>,
  path: Buffer,
  folder: Folder,
  { choose, files }: WalkContext,
): Promise<boolean> {
  const main = child.isFile() ? mainPath(path) : undefined;
  if (main === undefined || choose.excludes(main)) return false;
  if (!folder.isFullyIncluded && !choose.includes(main)) return false;
  const name = mainPath(child.name);
  return name !== undefined && (await isDatabaseAt(Buffer.concat([folder.slashed, name]), files));
}

/** Adds the folder and those above it, as far as they have not been given yet: parents first. */
function emitWithParents(folder: Folder, batch: Entry[]): void {
  if (folder.isEmitted) return;
  folder.isEmitted = true;
  if (folder.parent !== undefined) emitWithParents(folder.parent, batch);
  batch.push({ kind: 'directory', path: folder.path, absolute: folder.slashed.subarray(0, -1) });
}

/** @returns the folder's entries by name, or why they cannot be read */
async function list(path: Buffer): Promise<Dirent<Buffer>[] | string> {
  try {
    const entries = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
    return entries.sort((a, b) => Buffer.compare(a.name, b.name));
  } catch (error) {
    return describeFsError(error);
  }
}

function toEntry(absolute: Buffer, path: Buffer, entry: Dirent<Buffer>): Entry {
  if (entry.isFile()) return { kind: 'file', path, absolute };
  if (entry.isSymbolicLink()) return { kind: 'link', path, absolute };
  return { kind: 'skipped', path, why: skipReason(entry) };
}

/** Why an entry, or a stat, that is not a file is skipped. */
export function skipReason(entry: Pick<Dirent<Buffer>, 'isSocket' | 'isFIFO' | 'isDirectory'>): string {
  if (entry.isSocket()) return 'a socket';
  if (entry.isDirectory()) return 'became a folder';
  return entry.isFIFO() ? 'a named pipe' : 'a device';
}

interface Measured {
  readonly tarBytes: number;
  /** Content of a file; undefined: not a file. */
  readonly bytes?: number;
}

async function measureEntry(entry: Entry, files: FileCalls): Promise<Measured> {
  if (entry.kind === 'skipped') return { tarBytes: 0 };
  if (entry.kind === 'directory') return { tarBytes: tarEntryBytes(entry.path.length, 0, 0) };
  try {
    const stat = await files.lstat(entry.absolute);
    if (entry.kind === 'link') return { tarBytes: tarEntryBytes(entry.path.length, stat.size, 0) };
    if (!mayHaveHoles(stat)) return measureFile(entry.path, stat.size);
    const fd = await files.open(entry.absolute);
    try {
      const holes = await findHoles(fd, stat);
      // What is skipped takes no room.
      return typeof holes === 'string' ? { tarBytes: 0 } : measureFile(entry.path, stat.size, holes);
    } finally {
      await files.close(fd);
    }
  } catch (error) {
    // It cannot be read later either, and is reported then.
    if (error instanceof Error) return { tarBytes: 0 };
    throw error;
  }
}

function measureFile({ length }: Buffer, size: number, holes: readonly Span[] = []): Measured {
  const bytes = size - lengthOf(holes);
  return { tarBytes: tarEntryBytes(length, 0, bytes) + holes.length * SPARSE_BYTES, bytes };
}

/** Of the map of a sparse file, for each hole. */
const SPARSE_BYTES = 1024;
