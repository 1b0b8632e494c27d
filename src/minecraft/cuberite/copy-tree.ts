import { readFileSync, type Stats, statSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copyAtomically, writeAtomicallySync } from '../../files/atomic-write.ts';
import { unlessMissing } from '../../files/errno.ts';
import { rejectForeignLinks } from '../../files/foreign-links.ts';

export interface CopyOptions {
  /** Whether files that are there already are replaced where size or time differ. */
  readonly update: boolean;
  /** Names at the top of the tree that are left out. */
  readonly except?: readonly string[];
}

/**
 * Copies the files of a folder into another, each whole or not at all. Links are followed, since the server may run
 * where they lead nowhere. A file of the same size and time counts as the same. A folder that does not exist has no
 * files. (Node's own cp is several times slower, and its cpSync turns links into links to the original.)
 * @returns the links that lead nowhere
 * @throws {ForeignLinkError} when a folder to copy into is a link that another user has made
 */
export async function copyTree(from: string, to: string, options: CopyOptions): Promise<string[]> {
  const names = (await namesIn(from)).filter(name => !options.except?.includes(name));
  if (names.length === 0) return [];
  await rejectForeignLinks(dirname(to), to);
  await mkdir(to, { recursive: true });
  const existing = new Set(await readdir(to));
  const dangling: string[] = [];
  for (const name of names) {
    const exists = existing.has(name);
    dangling.push(...(await copyEntry(join(from, name), join(to, name), exists, options.update)));
  }
  return dangling;
}

async function copyEntry(from: string, to: string, exists: boolean, update: boolean): Promise<string[]> {
  const found = statSync(from, { throwIfNoEntry: false });
  if (found === undefined) return [from];
  if (found.isDirectory()) return copyTree(from, to, { update });
  const isKept = exists && (!update || isCopy(statSync(to, { throwIfNoEntry: false }), found));
  if (found.isFile() && !isKept) await copyFile(from, to, found);
  return [];
}

const MAX_SYNC_BYTES = 1 << 20;

async function copyFile(from: string, to: string, original: Stats): Promise<void> {
  // Out of a read-only image the server must get files that it can write.
  const attributes = { mode: (original.mode & 0o777) | 0o200, times: original };
  if (original.size <= MAX_SYNC_BYTES) writeAtomicallySync(to, readFileSync(from), attributes);
  else await copyAtomically(from, to, attributes);
}

/** Times are set in seconds as a double: what is read back may be a fraction of a millisecond less. */
function isCopy(copy: Stats | undefined, original: Stats): boolean {
  return copy?.size === original.size && Math.abs(copy.mtimeMs - original.mtimeMs) < 2;
}

/** The names in a folder, sorted; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  return ((await unlessMissing(readdir(folder))) ?? []).sort();
}
