import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { describeFsError } from '../files/errno.ts';
import { createFileCalls, type FileCalls } from '../files/open.ts';
import { type Chooser, chooser, type Selection } from '../files/selection.ts';
import { END_OF_TAR, tarEntryBytes } from '../files/tar.ts';
import { mapConcurrently } from '../runtime/concurrency.ts';

/** Something below the root. Paths are bytes: a name need not be text. */
export type Found =
  | {
      readonly kind: 'file' | 'directory' | 'link';
      /** Relative to the root. */
      readonly path: Buffer;
      readonly absolute: Buffer;
    }
  | { readonly kind: 'unfit'; readonly path: Buffer; readonly why: string };

/**
 * Everything that is selected, parents first, each folder in the order of its names' bytes: the same tree gives the
 * same order. It comes in batches, which cost much less than one item at a time, and holds one listing for each level.
 * What cannot be archived, and folders that cannot be read, are `unfit`.
 */
export async function* walk(selection: Selection, signal: AbortSignal): AsyncGenerator<readonly Found[]> {
  const root = Buffer.from(`${selection.root}/`);
  const top: Folder = {
    slashed: root,
    path: NO_PATH,
    parent: undefined,
    isWhole: selection.include.length === 0,
    isAnnounced: true,
  };
  const rest = yield* below(top, [], { choose: chooser(selection), rootBytes: root.length, signal });
  if (rest.length > 0) yield rest;
}

export interface Survey {
  readonly files: number;
  /** The content of the files. */
  readonly bytes: number;
  /** No archive of them is larger, whatever its codec, unless they grow. */
  readonly archiveBytes: number;
}

/** Counts what an archive would hold. */
export async function survey(selection: Selection, signal: AbortSignal): Promise<Survey> {
  const files = createFileCalls();
  const measure = (batch: readonly Found[]) => Promise.all(batch.map(found => measureFound(found, files)));
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
  /** Everything in it is included. */
  readonly isWhole: boolean;
  /** Folders that are only on the way are given when the first thing in them is. */
  isAnnounced: boolean;
}

interface Walking {
  readonly choose: Chooser;
  /** The length of the root's path with its slash. */
  readonly rootBytes: number;
  readonly signal: AbortSignal;
}

/** Gives batches that are full, and returns the one that it has begun. */
async function* below(
  folder: Folder,
  begun: Found[],
  walking: Walking,
): AsyncGenerator<readonly Found[], Found[]> {
  const { choose, rootBytes, signal } = walking;
  let batch = begun;
  signal.throwIfAborted();
  if (folder.isWhole) announce(folder, batch);
  const entries = await list(folder.slashed);
  if (typeof entries === 'string') return [...batch, { kind: 'unfit', path: folder.path, why: entries }];
  let turnedMs = performance.now();
  for (const entry of entries) {
    if (batch.length >= BATCH) {
      yield batch;
      batch = [];
    }
    // Files that are cached are read synchronously: timers and sockets get their turn here.
    if (performance.now() - turnedMs > TURN_MS) {
      await setImmediate();
      signal.throwIfAborted();
      turnedMs = performance.now();
    }
    const absolute = Buffer.concat([folder.slashed, entry.name]);
    const path = absolute.subarray(rootBytes);
    if (choose.excludes(path)) continue;
    const isWhole = folder.isWhole || choose.includes(path);
    if (entry.isDirectory()) {
      const slashed = Buffer.concat([absolute, SLASH]);
      batch = yield* below({ slashed, path, parent: folder, isWhole, isAnnounced: false }, batch, walking);
    } else if (isWhole) {
      announce(folder, batch);
      batch.push(found(absolute, path, entry));
    }
  }
  return batch;
}

/** Adds the folders down to this one, those that were not given yet. */
function announce(folder: Folder, batch: Found[]): void {
  if (folder.isAnnounced) return;
  folder.isAnnounced = true;
  if (folder.parent !== undefined) announce(folder.parent, batch);
  batch.push({ kind: 'directory', path: folder.path, absolute: folder.slashed.subarray(0, -1) });
}

async function list(path: Buffer): Promise<Dirent<Buffer>[] | string> {
  try {
    const entries = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
    return entries.sort((a, b) => Buffer.compare(a.name, b.name));
  } catch (error) {
    return describeFsError(error);
  }
}

function found(absolute: Buffer, path: Buffer, entry: Dirent<Buffer>): Found {
  if (entry.isFile()) return { kind: 'file', path, absolute };
  if (entry.isSymbolicLink()) return { kind: 'link', path, absolute };
  return { kind: 'unfit', path, why: unfitKind(entry) };
}

/** Why something that is no file, folder or link is left out; also tells by a stat. */
export function unfitKind(entry: Pick<Dirent<Buffer>, 'isSocket' | 'isFIFO' | 'isDirectory'>): string {
  if (entry.isSocket()) return 'a socket';
  if (entry.isDirectory()) return 'became a folder';
  return entry.isFIFO() ? 'a named pipe' : 'a device';
}

interface Measured {
  readonly tarBytes: number;
  /** Of a file. */
  readonly bytes?: number;
}

async function measureFound(found: Found, files: FileCalls): Promise<Measured> {
  if (found.kind === 'unfit') return { tarBytes: 0 };
  if (found.kind === 'directory') return { tarBytes: tarEntryBytes(found.path.length, 0, 0) };
  try {
    const { size } = await files.lstat(found.absolute);
    return found.kind === 'file'
      ? { tarBytes: tarEntryBytes(found.path.length, 0, size), bytes: size }
      : { tarBytes: tarEntryBytes(found.path.length, size, 0) };
  } catch (error) {
    // It cannot be read later either, and is told then.
    if (error instanceof Error) return { tarBytes: 0 };
    throw error;
  }
}
