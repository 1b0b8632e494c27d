import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { END_OF_TAR, tarEntryBytes } from '../format/tar.ts';
import { whyUnreadable } from './changes.ts';
import { type Files, quickFiles } from './files.ts';
import { inParallel } from './parallel.ts';
import { type Chooser, chooser, type Selection } from './select.ts';

/** Something below the root. Paths are relative to it, and bytes: a name need not be text. */
export type Found =
  | { readonly kind: 'file' | 'directory' | 'link'; readonly path: Buffer }
  | { readonly kind: 'unfit'; readonly path: Buffer; readonly why: string };

/**
 * Everything that is selected, parents first, each folder in the order of its names' bytes: the same tree gives the
 * same order. Holds one listing for each level. What cannot be archived, and folders that cannot be read, are `unfit`.
 */
export async function* walk(selection: Selection, signal: AbortSignal): AsyncGenerator<Found> {
  const whole = selection.include.length === 0;
  const top: Folder = { path: Buffer.alloc(0), parent: undefined, whole, announced: true };
  yield* below(top, Buffer.from(selection.root), chooser(selection), signal);
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
  const root = Buffer.from(selection.root);
  const files = quickFiles();
  const measure = async (found: Found) => {
    const isSized = found.kind === 'file' || found.kind === 'link';
    return { found, size: isSized ? await sizeOf(join(root, found.path), files) : 0 };
  };
  let [count, bytes, tarBytes] = [0, 0, END_OF_TAR.length];
  for await (const { found, size } of inParallel(walk(selection, signal), 32, measure)) {
    const isFile = found.kind === 'file';
    tarBytes += tarEntryBytes(found.path.length, isFile ? 0 : size, isFile ? size : 0);
    if (!isFile) continue;
    count += 1;
    bytes += size;
  }
  return { files: count, bytes, archiveBytes: Math.ceil(tarBytes * 1.001) + 65_536 };
}

/** Paths of bytes. */
export function join(folder: Buffer, name: Buffer): Buffer {
  return folder.length === 0 ? name : Buffer.concat([folder, SLASH, name]);
}

const SLASH = Buffer.from('/');

const TURN_MS = 10;

interface Folder {
  readonly path: Buffer;
  readonly parent: Folder | undefined;
  /** Everything in it is included. */
  readonly whole: boolean;
  /** Folders that are only on the way are given when the first thing in them is. */
  announced: boolean;
}

async function* below(
  folder: Folder,
  root: Buffer,
  choose: Chooser,
  signal: AbortSignal,
): AsyncGenerator<Found> {
  signal.throwIfAborted();
  if (folder.whole) yield* announce(folder);
  const entries = await list(join(root, folder.path));
  if (typeof entries === 'string') {
    yield { kind: 'unfit', path: folder.path, why: entries };
    return;
  }
  let turnedMs = performance.now();
  for (const entry of entries) {
    // Files that are cached are read synchronously: timers and sockets get their turn here.
    if (performance.now() - turnedMs > TURN_MS) {
      await setImmediate(undefined, { signal });
      turnedMs = performance.now();
    }
    const path = join(folder.path, entry.name);
    const text = path.toString();
    if (choose.excludes(text)) continue;
    const whole = folder.whole || choose.includes(text);
    if (entry.isDirectory()) {
      yield* below({ path, parent: folder, whole, announced: false }, root, choose, signal);
    } else if (whole) {
      yield* announce(folder);
      yield found(path, entry);
    }
  }
}

/** The folders down to this one, those that were not given yet. */
function* announce(folder: Folder): Generator<Found> {
  if (folder.announced) return;
  folder.announced = true;
  if (folder.parent !== undefined) yield* announce(folder.parent);
  yield { kind: 'directory', path: folder.path };
}

async function list(path: Buffer): Promise<Dirent<Buffer>[] | string> {
  try {
    const entries = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
    return entries.sort((a, b) => Buffer.compare(a.name, b.name));
  } catch (error) {
    return whyUnreadable(error);
  }
}

function found(path: Buffer, entry: Dirent<Buffer>): Found {
  if (entry.isFile()) return { kind: 'file', path };
  if (entry.isSymbolicLink()) return { kind: 'link', path };
  return { kind: 'unfit', path, why: unfitKind(entry) };
}

/** Why something that is no file, folder or link is left out; also tells by a stat. */
export function unfitKind(entry: Pick<Dirent<Buffer>, 'isSocket' | 'isFIFO' | 'isDirectory'>): string {
  if (entry.isSocket()) return 'a socket';
  if (entry.isDirectory()) return 'became a folder';
  return entry.isFIFO() ? 'a named pipe' : 'a device';
}

async function sizeOf(path: Buffer, files: Files): Promise<number> {
  try {
    return (await files.lstat(path)).size;
  } catch (error) {
    // It cannot be read later either, and is reported then.
    if (error instanceof Error) return 0;
    throw error;
  }
}
