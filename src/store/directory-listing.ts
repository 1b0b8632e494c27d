import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isMissing, unlessMissing } from '../files/errno.ts';
import { orAborted } from '../runtime/abort.ts';
import { partsOf } from './keys.ts';
import type { OpenUpload, StoredObject } from './store.ts';

/** What a file is called that is being written. */
export const PART = '.part';

/** Walks one folder at a time, in the order of the keys' bytes: S3's order. */
export function listBelow(
  root: string,
  prefix: string,
  signal: AbortSignal,
  startAfter: string | undefined,
): AsyncGenerator<StoredObject> {
  return walkBelow(root, prefix, signal, startAfter, name => !isPart(name));
}

/** What is being written below a prefix, or was when whoever wrote it was killed: by the keys that were to be. */
export async function partsBelow(
  root: string,
  prefix: string,
  signal: AbortSignal,
): Promise<readonly OpenUpload[]> {
  const found: OpenUpload[] = [];
  for await (const { key, modifiedMs } of walkBelow(root, prefix, signal, undefined, isPart))
    found.push({ key: key.slice(0, -PART.length), modifiedMs });
  return found;
}

function isPart(name: string): boolean {
  return name.endsWith(PART);
}

async function* walkBelow(
  root: string,
  prefix: string,
  signal: AbortSignal,
  startAfter: string | undefined,
  isMeant: (name: string) => boolean,
): AsyncGenerator<StoredObject> {
  const last = startAfter === undefined ? undefined : Buffer.from(startAfter);
  const slash = prefix.lastIndexOf('/');
  const start = slash === -1 ? [] : partsOf(prefix.slice(0, slash));
  yield* walk(start);

  async function* walk(folder: readonly string[]): AsyncGenerator<StoredObject> {
    for (const entry of await orAborted(entriesOf(path.join(root, ...folder)), signal)) {
      signal.throwIfAborted();
      const parts = [...folder, entry.name];
      const key = parts.join('/');
      const isOnTheWay = key.startsWith(prefix) || prefix.startsWith(`${key}/`);
      if (!isOnTheWay) continue;
      if (entry.isDirectory()) yield* walk(parts);
      else if (last !== undefined && Buffer.compare(Buffer.from(key), last) <= 0) continue;
      else if (entry.isFile() && isMeant(entry.name)) yield* describe(key, path.join(root, key), signal);
    }
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const rank = (entry: Dirent) => Buffer.from(entry.isDirectory() ? `${entry.name}/` : entry.name);
    return entries.sort((a, b) => Buffer.compare(rank(a), rank(b)));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function* describe(key: string, file: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
  // It may have been deleted since the directory was read.
  const stats = await orAborted(unlessMissing(stat(file)), signal);
  if (stats !== undefined) yield { key, bytes: stats.size, modifiedMs: stats.mtimeMs };
}
