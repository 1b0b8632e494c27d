import { readFileSync, renameSync, type Stats, statSync, utimesSync, writeFileSync } from 'node:fs';
import { chmod, constants, copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../files/errno.ts';

export interface CopyOptions {
  /** Whether files that are there already are brought up to date. */
  readonly update: boolean;
  /** Names at the top of the tree that are left out. */
  readonly except?: readonly string[];
}

/**
 * Copies a folder's files into another, each whole or not at all; links are followed, as the server must find files
 * there even when it runs elsewhere. A file of the same size and time is taken for the same. A folder that does not
 * exist has no files. (Node's own cp is several times slower, and its cpSync turns links into links to the original.)
 * @returns the links that lead nowhere.
 */
export async function copyTree(from: string, to: string, options: CopyOptions): Promise<string[]> {
  const names = (await namesIn(from)).filter(name => !options.except?.includes(name));
  if (names.length === 0) return [];
  await mkdir(to, { recursive: true });
  const there = new Set(await readdir(to));
  const dangling: string[] = [];
  for (const name of names) {
    dangling.push(...(await copyOne(join(from, name), join(to, name), there.has(name), options.update)));
  }
  return dangling;
}

async function copyOne(from: string, to: string, isThere: boolean, update: boolean): Promise<string[]> {
  const found = statSync(from, { throwIfNoEntry: false });
  if (found === undefined) return [from];
  if (found.isDirectory()) return copyTree(from, to, { update });
  const isKept = isThere && (!update || isCopy(statSync(to, { throwIfNoEntry: false }), found));
  if (found.isFile() && !isKept) await copyWhole(from, to, found);
  return [];
}

const MAX_SYNC_BYTES = 1 << 20;

async function copyWhole(from: string, to: string, { size, mode, atime, mtime }: Stats): Promise<void> {
  const part = `${to}.part`;
  // A read-only image must not make a server that cannot write its own settings.
  const writable = (mode & 0o777) | 0o200;
  if (size <= MAX_SYNC_BYTES) {
    // Small files come in numbers: without a turn in libuv's pool for each step they take about half the time.
    writeFileSync(part, readFileSync(from), { mode: writable });
  } else {
    await copyFile(from, part, constants.COPYFILE_FICLONE);
    await chmod(part, writable);
  }
  utimesSync(part, atime, mtime);
  renameSync(part, to);
}

/** Times are set to the millisecond, and read back a little less than that. */
function isCopy(copy: Stats | undefined, original: Stats): boolean {
  return copy?.size === original.size && Math.abs(copy.mtimeMs - original.mtimeMs) < 2;
}

/** The names in a folder; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
