import { createHash } from 'node:crypto';
import { sleep } from '../runtime/abort.ts';
import { isBug } from '../runtime/bug.ts';
import { errorMessage } from '../runtime/text.ts';
import { backoffMs } from './retry.ts';
import { ChecksumError, type GetOptions, type Store } from './store.ts';

export interface ReadOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** It is known to be there: that it is missing is believed only when it is said several times. */
  readonly isListed?: boolean;
}

/** Sound, or what is wrong with it for good. */
export type Verified<T> = { readonly value: T } | { readonly damage: string };

/** How often an object is read that comes otherwise each time, and how often one that is listed may be missing. */
const MAX_READS = 6;
const MAX_MISSING = 4;
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 2_000;

/**
 * Reads an object whole until it is sound. Faults on the way back look like damage: a truncated answer, a byte that was
 * changed, a gateway that unzips. So it is read again, the second time as one who accepts gzip, and only the same bytes
 * twice are damage. No more than `maxBytes` is held in memory, twice.
 * @param verify throws what is wrong with the bytes
 * @returns undefined: there is none
 * @throws when the store cannot be read, or gives other bytes each time: that says nothing about the object
 */
export async function readVerified<T>(
  store: Store,
  key: string,
  options: ReadOptions,
  verify: (object: Buffer) => T | Promise<T>,
): Promise<Verified<T> | undefined> {
  const seen = new Set<string>();
  let missing = 0;
  let cause: unknown;
  for (let reads = 1; reads <= MAX_READS; reads += 1) {
    if (reads > 1) await sleep(backoffMs(reads - 1, FIRST_WAIT_MS, MAX_WAIT_MS), options.signal);
    const read = await readOnce(store, key, options, { acceptsGzip: reads % 2 === 0 });
    if (read === undefined) {
      missing += 1;
      const isBelieved = seen.size === 0 && options.isListed !== true;
      if (isBelieved || missing === MAX_MISSING) return undefined;
      continue;
    }
    try {
      if (read.fault !== undefined) throw read.fault;
      return { value: await verify(read.object) };
    } catch (error) {
      if (isBug(error)) throw error;
      const identity = read.fault?.message ?? createHash('sha256').update(read.object).digest('hex');
      if (seen.has(identity)) return { damage: errorMessage(error) };
      seen.add(identity);
      cause = error;
    }
  }
  throw new Error(`${key} comes otherwise each time it is read from ${store.url}`, { cause });
}

/** Reads an object whole; undefined: there is none. No more than `maxBytes` is held in memory. */
export async function readObject(
  store: Store,
  key: string,
  options: ReadOptions,
): Promise<Buffer | 'too-large' | undefined> {
  const read = await readVerified(store, key, options, object => object);
  if (read === undefined || 'value' in read) return read?.value;
  if (read.damage === TOO_LARGE) return 'too-large';
  throw new Error(`${key} at ${store.url} is damaged: ${read.damage}`);
}

const TOO_LARGE = 'it is larger than anything of its kind';

/** What came, and what was found to be wrong with it on the way. */
async function readOnce(
  store: Store,
  key: string,
  { maxBytes, signal }: ReadOptions,
  options: GetOptions,
): Promise<{ readonly object: Buffer; readonly fault?: Error } | undefined> {
  const body = await store.get(key, signal, undefined, options);
  if (body === undefined) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      // Also a small object looks so when a gateway unzips it.
      if (bytes > maxBytes) return { object: Buffer.alloc(0), fault: new Error(TOO_LARGE) };
      chunks.push(chunk);
    }
  } catch (error) {
    if (!(error instanceof ChecksumError)) throw error;
    return { object: Buffer.alloc(0), fault: error };
  }
  return { object: Buffer.concat(chunks) };
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

/**
 * Reads an object to its end; undefined: there is none.
 * @param expectedSha256 what it should be: where something else comes, it is read again until the same has come twice
 */
export async function digestOf(
  store: Store,
  key: string,
  signal: AbortSignal,
  expectedSha256?: string,
): Promise<ObjectDigest | undefined> {
  const seen = new Set<string>();
  for (let reads = 1; ; reads += 1) {
    if (reads > 1) await sleep(backoffMs(reads - 1, FIRST_WAIT_MS, MAX_WAIT_MS), signal);
    const read = await digestOnce(store, key, signal, reads % 2 === 0);
    if (read === undefined) return undefined;
    const { digest, fault } = read;
    const isExpected = expectedSha256 === undefined || digest.sha256 === expectedSha256;
    const identity = fault?.message ?? digest.sha256;
    if ((isExpected && fault === undefined) || seen.has(identity) || reads === MAX_READS) return digest;
    seen.add(identity);
  }
}

async function digestOnce(store: Store, key: string, signal: AbortSignal, acceptsGzip: boolean) {
  const body = await store.get(key, signal, undefined, { acceptsGzip });
  if (body === undefined) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  let fault: ChecksumError | undefined;
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    if (!(error instanceof ChecksumError)) throw error;
    fault = error;
  }
  return { digest: { bytes, sha256: hash.digest('hex') }, fault };
}
