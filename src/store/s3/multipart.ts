import { randomUUID } from 'node:crypto';
import { AbortMultipartUploadCommand, CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { timeoutSignal } from '../../runtime/abort.ts';
import { retry } from '../retry.ts';
import { S3Error } from './errors.ts';
import { type Bucket, encryptionOf, metadataOf } from './objects.ts';

/** How long an upload may take to be aborted. */
const ABORT_MS = 5_000;

export interface Upload {
  readonly key: string;
  /** See `Written`. */
  readonly id: string;
  readonly fields: { readonly Bucket: string; readonly Key: string; readonly UploadId: string };
}

export interface CreateOptions {
  /** Ends the repeating. A request that is under way is awaited: an upload whose ID is not known cannot be aborted. */
  readonly signal: AbortSignal;
  readonly idleMs: number;
  readonly maxTries?: number;
}

/** Starts a multipart upload: nothing is stored until it is completed, and nothing may stay when it is not. */
export async function createUpload(bucket: Bucket, key: string, options: CreateOptions): Promise<Upload> {
  const uncancelled = { signal: new AbortController().signal, idleMs: options.idleMs };
  const { access, config, run, fullKey } = bucket;
  const id = randomUUID();
  const input = {
    ...access.bucketFields,
    ...encryptionOf(config),
    ...metadataOf({ run, upload: id }),
    Key: fullKey(key),
  };
  const create = () =>
    access.request(async ({ client, http }) => {
      // Parts that bring a CRC32 belong to an upload that was created with it.
      const isChecked = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED';
      const checksum = isChecked ? ({ ChecksumAlgorithm: 'CRC32' } as const) : {};
      return client.send(new CreateMultipartUploadCommand({ ...input, ...checksum }), http);
    }, uncancelled);
  const { UploadId } = await retry(`create upload of ${key}`, create, { ...bucket.retry, ...options });
  if (UploadId === undefined) throw new Error('the store gave no upload ID');
  return { key, id, fields: { ...access.bucketFields, Key: fullKey(key), UploadId } };
}

/** Deletes all parts that were sent. @returns `not-found` when there was no such upload (any more) */
export async function abortUpload(bucket: Bucket, upload: Upload): Promise<'aborted' | 'not-found'> {
  const abort = (signal: AbortSignal) =>
    bucket.access.request(
      ({ client, http }) => client.send(new AbortMultipartUploadCommand(upload.fields), http),
      { signal },
    );
  try {
    await retry(`abort upload of ${upload.key}`, abort, {
      ...bucket.retry,
      signal: timeoutSignal(ABORT_MS),
    });
    return 'aborted';
  } catch (error) {
    if (isNotFound(error)) return 'not-found';
    throw error;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof S3Error && error.kind === 'not-found';
}
