import { crc32 } from 'node:zlib';
import { ChecksumError, type ObjectBody, PermanentError, type Store } from '../../src/store/store.ts';
import type { Bucket, Version } from './bucket.ts';
import type { Mischief } from './faults.ts';

/** One process's way to the store. */
export interface Client {
  /** Without retry. */
  readonly store: Store;
  /** From now on nothing gets through, for so long. */
  cutOff(ms: number): void;
  /** Its process is killed: what is under way may still arrive, and nobody is told. */
  kill(): void;
  isKilled(): boolean;
}

export interface ClientOptions {
  readonly bucket: Bucket;
  /** The process that asks now, as in the store's events. */
  readonly by: () => string;
  readonly mischief: Mischief;
  /** The request at which its process is killed; undefined: it is not. */
  readonly killAt: number | undefined;
  /** Called when it is killed. */
  readonly onKilled: () => void;
  /** A request that is given up may be done all the same, as long as it takes. */
  readonly areAbortedOnesDone: boolean;
}

const CHUNK_BYTES = 16 * 1024;
const PAGE = 50;

export function createClient(options: ClientOptions): Client {
  const { bucket, mischief } = options;
  const { random, meets } = mischief;
  let requests = 0;
  let isKilled = false;
  let reachableAtMs = 0;

  const isReachable = () => !isKilled && performance.now() >= reachableAtMs;

  function kill(): void {
    if (isKilled) return;
    isKilled = true;
    // Whatever of it still waits is ended after the request that it was killed at.
    queueMicrotask(options.onKilled);
  }

  /**
   * Sends a request, which does its work when it arrives: of one that is given up before, and of those that a killed
   * process has sent, that is not certain.
   */
  function request<T>(signal: AbortSignal, work: () => T): Promise<T> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let arrival: NodeJS.Timeout | undefined;
    const abort = () => {
      if (!(isKilled || options.areAbortedOnesDone)) clearTimeout(arrival);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    const answer = (settle: () => void, afterMs: number) =>
      setTimeout(() => {
        if (isKilled) return;
        signal.removeEventListener('abort', abort);
        settle();
      }, afterMs);
    const noAnswer = () => answer(() => reject(new Error('no answer')), random.between(5_000, 20_000));
    requests += 1;
    const isLast = requests === options.killAt;
    // Of what a killed process, or one that is cut off, has sent before, some arrives.
    const arrivesAnyhow = random.chance(0.5);
    if (isKilled) return promise;
    if (!isReachable()) {
      noAnswer();
      return promise;
    }
    const isThrottled = meets('throttles');
    const fails = meets('errors');
    const isLost = meets('lost answers');
    const wayMs = random.between(1, 40) + (meets('delays') ? random.between(1_000, 30_000) : 0);
    arrival = setTimeout(() => {
      if (!isReachable() && !arrivesAnyhow) return noAnswer();
      if (isThrottled) return answer(() => reject(new Error('503: slow down')), 1);
      if (fails) return answer(() => reject(new Error('500: internal error')), 1);
      const settle = attempt(work, resolve, reject);
      if (!isReachable()) return noAnswer();
      if (isLost) return answer(() => reject(new Error('the connection was reset')), 1);
      return answer(settle, random.between(1, 40));
    }, wayMs);
    if (isLast) kill();
    return promise;
  }

  async function* bodyOf({ body }: Version, start: number): AsyncGenerator<Buffer> {
    const isReset = meets('resets');
    const endsAt = isReset ? start + random.below(Math.max(1, body.length - start)) : body.length;
    const sent = Buffer.from(body.subarray(start, endsAt));
    const isCorrupted = !isReset && sent.length > 0 && meets('corrupted bodies');
    if (isCorrupted) {
      const at = random.below(sent.length);
      sent.writeUInt8((sent.readUInt8(at) + random.between(1, 255)) % 256, at);
    }
    for (let at = 0; at < sent.length; at += CHUNK_BYTES) yield sent.subarray(at, at + CHUNK_BYTES);
    if (isReset) throw new Error(`the connection was reset after ${sent.length} bytes`);
    if (isCorrupted && random.chance(0.5)) throw new ChecksumError(`its CRC-32 is ${crc32(sent)}`);
  }

  const store: Store = {
    url: 's3://bucket',
    check: async () => ({ state: 'ok' }),
    chunkBytes: () => 64 * 1024,

    async store(key, chunks, { signal, onStored, onProgress, ifAbsent = true }) {
      const parts: Buffer[] = [];
      for await (const chunk of chunks) {
        signal.throwIfAborted();
        parts.push(Buffer.from(chunk));
        onStored?.(chunk);
      }
      const body = Buffer.concat(parts);
      onProgress?.(body.length);
      let id: string | undefined;
      const by = options.by();
      try {
        await request(signal, () => {
          id = bucket.put(key, body, by, { ifAbsent, isLate: isKilled || signal.aborted }).id;
        });
      } catch (error) {
        signal.throwIfAborted();
        // Stores look for an archive whose answer was lost: see s3/settle.ts.
        const found = await request(signal, () => bucket.read(key)?.id).catch(() => undefined);
        if (id === undefined || found !== id) throw error;
      }
      return { url: `s3://bucket/${key}`, key, bytes: body.length, parts: 1, verified: true };
    },

    exists: (key, signal) => request(signal, () => bucket.read(key) !== undefined),

    async put(key, body, { signal, ifAbsent = false }) {
      const by = options.by();
      await request(signal, () =>
        bucket.put(key, body, by, { ifAbsent, isLate: isKilled || signal.aborted }),
      );
    },

    async get(key, signal, from): Promise<ObjectBody | undefined> {
      const version = await request(signal, () => bucket.read(key));
      if (version === undefined) return undefined;
      if (from !== undefined && from.version !== version.id)
        throw new PermanentError(`${key} was replaced while it was read`, 'Read it again.');
      return Object.assign(bodyOf(version, from?.at ?? 0), { version: version.id });
    },

    linkTo: async () => undefined,

    async *list(prefix, signal, startAfter) {
      let last = startAfter;
      for (;;) {
        const lateMs = meets('late listings') ? random.between(100, 20_000) : 0;
        const all = await request(signal, () => bucket.list(prefix, last, lateMs));
        const page = all.slice(0, PAGE);
        yield* page;
        if (page.length < PAGE) return;
        last = page.at(-1)?.key;
      }
    },

    async delete(keys, signal) {
      const by = options.by();
      await request(signal, () => {
        for (const key of keys) bucket.delete(key, by);
      });
    },

    abortUploads: (_, signal) => request(signal, () => 0),
    openUploads: (_, signal) => request(signal, () => []),
    deleteParts: async () => undefined,
    close: () => undefined,
  };

  return {
    store,
    kill,
    isKilled: () => isKilled,
    cutOff(ms) {
      mischief.counts.partitions += 1;
      reachableAtMs = Math.max(reachableAtMs, performance.now() + ms);
    },
  };
}

/** Does it now. @returns what tells the outcome */
function attempt<T>(
  work: () => T,
  resolve: (value: T) => void,
  reject: (reason: unknown) => void,
): () => void {
  try {
    const value = work();
    return () => resolve(value);
  } catch (error) {
    return () => reject(error);
  }
}
