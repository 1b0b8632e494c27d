import { randomUUID } from 'node:crypto';
import type { S3Config } from '../../config/session-config.ts';
import { orAborted, timeoutSignal } from '../../runtime/abort.ts';
import { partsOf } from '../keys.ts';
import type { RetryEvent } from '../retry.ts';
import type { CheckResult, Store } from '../store.ts';
import { openAccess } from './client.ts';
import { S3Fault } from './errors.ts';
import { explain, messageOf, remedyFor } from './explain.ts';
import { deleteObjects, getObject, listObjects } from './listing.ts';
import { abortUpload, beginUpload } from './multipart.ts';
import { look, putObject, type S3Home } from './objects.ts';
import { partBytes } from './part-size.ts';
import { storeArchive } from './upload.ts';

const CHECK_MS = 10_000;
const CHECK_IDLE_MS = 4_000;
const CHECK_TRIES = 2;
/** How long an upload that is being started may take to be taken back. */
const TIDY_MS = 1_500;

export interface S3Options {
  readonly s3: S3Config;
  readonly onTrouble?: (trouble: RetryEvent) => void;
}

/** A bucket, or a prefix in one, as a destination. */
export async function openS3(place: S3Home['place'], options: S3Options): Promise<Store> {
  const url = `s3://${[place.bucket, place.prefix].filter(Boolean).join('/')}`;
  const start = place.prefix === '' ? '' : `${place.prefix}/`;
  const home: S3Home = {
    access: await openAccess(place.bucket, options.s3),
    place,
    config: options.s3,
    fullKey: key => `${start}${key}`,
    onTrouble: options.onTrouble,
  };

  async function told<T>(what: string, signal: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      signal.throwIfAborted();
      throw explain(error, `${what} ${url}`, place);
    }
  }

  async function* toldOfEach<T>(
    what: string,
    signal: AbortSignal,
    items: AsyncIterable<T>,
  ): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (error) {
      signal.throwIfAborted();
      throw explain(error, `${what} ${url}`, place);
    }
  }

  return {
    url,
    check: signal => checkUpload(home, signal),
    chunkBytes: partBytes,

    async store(key, chunks, storeOptions) {
      partsOf(key);
      return storeArchive(home, url, key, chunks, storeOptions);
    },

    async exists(key, signal) {
      const seen = await told(`look for ${key} in`, signal, look(home, key, signal));
      return seen === 'unknown' ? seen : seen !== 'absent';
    },

    async put(key, body, { signal, ifAbsent = false }) {
      partsOf(key);
      await told(`save ${key} to`, signal, putObject(home, key, body, { signal, ifAbsent }));
    },

    async get(key, signal) {
      const bytes = await told(`read ${key} from`, signal, getObject(home, key, signal));
      return bytes && toldOfEach(`read ${key} from`, signal, bytes);
    },

    list: (prefix, signal) => toldOfEach(`list ${prefix} in`, signal, listObjects(home, prefix, signal)),

    delete: (keys, signal) => told('delete from', signal, deleteObjects(home, keys, signal)),

    close: () => home.access.close(),
  };
}

/** Starts and aborts a multipart upload: the rights that saving needs, and no others. */
async function checkUpload(home: S3Home, signal: AbortSignal): Promise<CheckResult> {
  const limit = timeoutSignal(CHECK_MS, signal);
  try {
    const key = `.craftassist-session-check-${randomUUID()}`;
    const begin = { signal: limit, idleMs: CHECK_IDLE_MS, maxTries: CHECK_TRIES };
    const probe = async () => abortUpload(home, await beginUpload(home, key, begin));
    await orAborted(probe(), limit, TIDY_MS);
    return { state: 'ready' };
  } catch (error) {
    signal.throwIfAborted();
    const remedy = error instanceof S3Fault ? remedyFor(error, home.place) : undefined;
    const why = limit.aborted ? `no answer within ${CHECK_MS / 1000} s` : messageOf(error);
    return remedy === undefined ? { state: 'unavailable', why } : { state: 'refused', why, remedy };
  }
}
