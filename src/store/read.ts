import { createHash } from 'node:crypto';
import type { Store } from './store.ts';

export interface ReadOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Reads an object whole; undefined: there is none. No more than `maxBytes` is held in memory. */
export async function readObject(
  store: Store,
  key: string,
  { maxBytes, signal }: ReadOptions,
): Promise<Buffer | 'too-large' | undefined> {
  const body = await store.get(key, signal);
  if (body === undefined) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) return 'too-large';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads a small object as text; undefined: there is none, or it is too large. */
export async function readText(store: Store, key: string, options: ReadOptions): Promise<string | undefined> {
  const object = await readObject(store, key, options);
  return object === 'too-large' ? undefined : object?.toString();
}

/** What an object was found to be when it was read. */
export interface ObjectDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Reads an object to its end; undefined: there is none. */
export async function digestOf(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<ObjectDigest | undefined> {
  const body = await store.get(key, signal);
  if (body === undefined) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
