import { timeoutSignal } from '../runtime/abort.ts';
import { isBug } from '../runtime/bug.ts';
import {
  type RetryObserver,
  type RetryOptions,
  retry,
  retryCreation,
  trackRetries,
  URGENT_ATTEMPT_MS,
} from './retry.ts';
import {
  AlreadyExistsError,
  type ObjectBody,
  PermanentError,
  type PutOptions,
  type ReadPosition,
  RefusedError,
  type Store,
  type StoredObject,
} from './store.ts';

export interface WithRetryOptions extends RetryObserver {
  /** Default: as many as it takes. */
  readonly maxTries?: number;
}

/**
 * A store that repeats requests which fail for the moment, until the caller's signal is aborted. A read or a listing
 * goes on where it broke off. `check` returns what it finds, and `store` cannot repeat its source: an upload repeats its
 * own requests.
 */
export function withRetry(store: Store, options: WithRetryOptions = {}): Store {
  const withSignal = (signal: AbortSignal): RetryOptions => ({ ...options, signal });
  const retrying: Store = {
    url: store.url,
    check: signal => store.check(signal),
    chunkBytes: expectedBytes => store.chunkBytes(expectedBytes),
    store: (key, chunks, storeOptions) => store.store(key, chunks, storeOptions),
    exists: (key, signal) => retry(`exists ${key}`, () => store.exists(key, signal), withSignal(signal)),
    put: (key, body, putOptions) =>
      retryCreation(
        `put ${key}`,
        signal => store.put(key, body, { ...putOptions, signal }),
        async error =>
          error instanceof AlreadyExistsError && (await holds(retrying, key, body, putOptions.signal)),
        { ...withSignal(putOptions.signal), ...repetitionOf(putOptions, options) },
      ),
    async get(key, signal, from, getOptions) {
      const get = (position = from) => store.get(key, signal, position, getOptions);
      const body = await retry(`get ${key}`, () => get(), withSignal(signal));
      if (body === undefined) return undefined;
      const reading = readOn(get, key, body, from?.at ?? 0, withSignal(signal));
      return Object.assign(reading, { version: body.version });
    },
    linkTo: (key, linkOptions) => store.linkTo(key, linkOptions),
    list: (prefix, signal, startAfter) => listOn(store, prefix, startAfter, withSignal(signal)),
    delete: (keys, signal) =>
      retry(`delete ${keys.length} objects`, () => store.delete(keys, signal), withSignal(signal)),
    abortUploads: (key, signal) =>
      retry(`abort uploads of ${key}`, () => store.abortUploads(key, signal), withSignal(signal)),
    openUploads: (prefix, signal) =>
      retry(`list open uploads below ${prefix}`, () => store.openUploads(prefix, signal), withSignal(signal)),
    deleteParts: (folder, signal) =>
      retry(`delete what is left in ${folder}`, () => store.deleteParts(folder, signal), withSignal(signal)),
    close: () => store.close(),
  };
  return retrying;
}

function repetitionOf({ retry: wanted }: PutOptions, { onRetry }: RetryObserver): Partial<RetryOptions> {
  if (wanted === undefined) return {};
  return {
    attemptTimeoutMs: wanted.attemptTimeoutMs,
    urgent: wanted.urgent,
    maxTries: undefined,
    isRetryable: error =>
      !(error instanceof AlreadyExistsError || error instanceof RefusedError || isBug(error)),
    onRetry(event) {
      wanted.onFailure(event.why);
      onRetry?.(event);
    },
  };
}

/** Whether the object at a key has these bytes; false where the rights do not allow to read it. */
async function holds(store: Store, key: string, body: Buffer, signal: AbortSignal): Promise<boolean> {
  try {
    let at = 0;
    for await (const chunk of (await store.get(key, timeoutSignal(URGENT_ATTEMPT_MS, signal))) ?? []) {
      if (!chunk.equals(body.subarray(at, at + chunk.length))) return false;
      at += chunk.length;
    }
    return at === body.length;
  } catch {
    // What counts is that the put has failed.
    signal.throwIfAborted();
    return false;
  }
}

/** How often a key may be missing in the middle of reading: some stores answer 404 once, and find it again. */
const MISSING_TRIES = 5;

async function* readOn(
  get: (from: ReadPosition) => Promise<ObjectBody | undefined>,
  key: string,
  first: ObjectBody,
  start: number,
  options: RetryOptions,
): AsyncGenerator<Buffer> {
  const retries = trackRetries(`get ${key}`, options);
  let body: ObjectBody | undefined = first;
  let at = start;
  let missing = 0;
  for (;;) {
    try {
      body ??= await get({ at, version: first.version });
      missing = body === undefined ? missing + 1 : 0;
      if (body === undefined) throw missingWhileRead(key, missing);
      for await (const chunk of body) {
        at += chunk.length;
        retries.succeeded();
        yield chunk;
      }
      return;
    } catch (error) {
      body = undefined;
      await retries.failed(error);
    }
  }
}

function missingWhileRead(key: string, times: number): Error {
  const message = `${key} was deleted while it was read`;
  return times < MISSING_TRIES ? new Error(message) : new PermanentError(message, 'Find out who deleted it.');
}

async function* listOn(
  store: Store,
  prefix: string,
  startAfter: string | undefined,
  options: RetryOptions,
): AsyncGenerator<StoredObject> {
  const retries = trackRetries(`list ${prefix || 'everything'}`, options);
  let last = startAfter;
  for (;;) {
    try {
      for await (const object of store.list(prefix, options.signal, last)) {
        last = object.key;
        retries.succeeded();
        yield object;
      }
      retries.succeeded();
      return;
    } catch (error) {
      await retries.failed(error);
    }
  }
}
