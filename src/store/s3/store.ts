import { randomUUID } from 'node:crypto';
import type { S3Config } from '../../config/session-config.ts';
import { orAborted, timeoutSignal } from '../../runtime/abort.ts';
import { errorMessage } from '../../runtime/text.ts';
import { partsOf } from '../keys.ts';
import type { StoreObserver } from '../observer.ts';
import type { CheckResult, Store } from '../store.ts';
import { openAccess } from './client.ts';
import { type BucketLocation, explain, rejectMissing, S3Error } from './errors.ts';
import { signLink } from './link.ts';
import { deleteObjects, listObjects } from './listing.ts';
import { abortUpload, type CreateOptions, createUpload, type Upload } from './multipart.ts';
import { type Bucket, headObject, putObject } from './objects.ts';
import { abortUploads, openUploads } from './open-uploads.ts';
import { partBytes } from './part-size.ts';
import { getObject } from './reading.ts';
import { remedyFor } from './remedies.ts';
import { uploadArchive } from './upload.ts';

const CHECK_MS = 10_000;
const CHECK_IDLE_MS = 4_000;
const CHECK_TRIES = 2;
/** How long an upload that is being started may take to be aborted. */
const CLEANUP_MS = 1_500;

export interface S3StoreOptions extends StoreObserver {
  /** Named in the metadata of everything that is written. */
  readonly run?: string | undefined;
}

/**
 * A bucket, or a prefix in one, as a store. What consists of several requests, an upload or a deletion, repeats each of them;
 * everything else is repeated by with-retry.ts.
 */
export async function openS3Store(
  { bucket: name, prefix }: BucketLocation,
  config: S3Config,
  { run, ...observer }: S3StoreOptions,
): Promise<Store> {
  const location = {
    bucket: name,
    prefix,
    isEncrypted: config.encryption !== undefined,
    hasExpectedOwner: config.expectedOwner !== undefined,
  };
  const url = `s3://${[name, prefix].filter(Boolean).join('/')}`;
  const start = prefix === '' ? '' : `${prefix}/`;
  const bucket: Bucket = {
    access: await openAccess(name, config, observer),
    location,
    config,
    run,
    fullKey: key => `${start}${key}`,
    retry: {
      ...observer,
      isRetryable: error => error instanceof S3Error && error.kind === 'transient',
    },
  };

  async function explained<T>(what: string, signal: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      signal.throwIfAborted();
      throw explain(rejectMissing(error), `${what} ${url}`, location);
    }
  }

  async function* explainedEach<T>(
    what: string,
    signal: AbortSignal,
    items: AsyncIterable<T>,
  ): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (error) {
      signal.throwIfAborted();
      throw explain(rejectMissing(error), `${what} ${url}`, location);
    }
  }

  return {
    url,
    check: signal => checkUpload(bucket, signal),
    chunkBytes: partBytes,

    async store(key, chunks, options) {
      partsOf(key);
      return uploadArchive(bucket, url, key, chunks, options);
    },

    async exists(key, signal) {
      const head = await explained(`look for ${key} in`, signal, headObject(bucket, key, signal));
      return head === 'unknown' ? head : head !== 'absent';
    },

    async put(key, body, { signal, ifAbsent = false }) {
      partsOf(key);
      await explained(`save ${key} to`, signal, putObject(bucket, key, body, { signal, ifAbsent }));
    },

    async get(key, signal, from, options) {
      const what = `read ${key} from`;
      const body = await explained(what, signal, getObject(bucket, key, signal, from, options));
      return body && Object.assign(explainedEach(what, signal, body), { version: body.version });
    },

    linkTo: (key, options) => explained(`link to ${key} in`, options.signal, signLink(bucket, key, options)),

    list: (prefix, signal, startAfter) =>
      explainedEach(
        `list ${prefix || 'everything'} in`,
        signal,
        listObjects(bucket, prefix, signal, startAfter),
      ),

    delete: (keys, signal) => explained('delete from', signal, deleteObjects(bucket, keys, signal)),

    abortUploads: (key, signal) =>
      explained(`abort uploads of ${key} to`, signal, abortUploads(bucket, key, signal)),

    openUploads: (prefix, signal) =>
      explained(`list open uploads below ${prefix} to`, signal, openUploads(bucket, prefix, signal)),

    // A put is one request, which leaves nothing.
    deleteParts: async () => undefined,

    close: () => bucket.access.close(),
  };
}

const OWNER_IGNORED: CheckResult = {
  state: 'denied',
  why: 'the store takes requests that expect another owner of the bucket',
  remedy: 'Unset SESSION_S3_EXPECTED_OWNER: this store does not heed it, so that it protects nothing.',
};

/** Whether a request that expects another owner than the configured one is refused, as it has just not been. */
async function heedsOwner(bucket: Bucket, key: string, options: CreateOptions): Promise<boolean> {
  const { Bucket: name, ExpectedBucketOwner: owner } = bucket.access.bucketFields;
  if (owner === undefined) return true;
  const other = owner === '0'.repeat(12) ? '1'.repeat(12) : '0'.repeat(12);
  const bucketFields = { Bucket: name, ExpectedBucketOwner: other };
  const asOther: Bucket = { ...bucket, access: { ...bucket.access, bucketFields } };
  let upload: Upload;
  try {
    upload = await createUpload(asOther, key, options);
  } catch (error) {
    if (error instanceof S3Error && error.kind === 'denied') return true;
    throw error;
  }
  await abortIfAllowed(bucket, upload);
  return false;
}

/** @returns what will be missing without the right to abort uploads; saving itself does without it */
async function abortIfAllowed(bucket: Bucket, upload: Upload): Promise<string | undefined> {
  try {
    await abortUpload(bucket, upload);
    return undefined;
  } catch (error) {
    if (!(error instanceof S3Error && error.kind === 'denied')) throw error;
    return [errorMessage(error), remedyFor(error, bucket.location)].join(': ');
  }
}

/** Starts and aborts a multipart upload: the rights that saving needs, and no others. */
async function checkUpload(bucket: Bucket, signal: AbortSignal): Promise<CheckResult> {
  const limit = timeoutSignal(CHECK_MS, signal);
  try {
    const key = `.craftassist-session-check-${randomUUID()}`;
    const options = { signal: limit, idleMs: CHECK_IDLE_MS, maxTries: CHECK_TRIES };
    const startAndAbort = async () => abortIfAllowed(bucket, await createUpload(bucket, key, options));
    const notice = await orAborted(startAndAbort(), limit, CLEANUP_MS);
    if (!(await heedsOwner(bucket, key, options))) return OWNER_IGNORED;
    return notice === undefined ? { state: 'ok' } : { state: 'ok', notice };
  } catch (error) {
    signal.throwIfAborted();
    const remedy = error instanceof S3Error ? remedyFor(error, bucket.location) : undefined;
    const why = limit.aborted ? `no answer within ${CHECK_MS / 1000} s` : errorMessage(error);
    return remedy === undefined ? { state: 'unavailable', why } : { state: 'denied', why, remedy };
  }
}
