import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { timeoutSignal } from '../../runtime/abort.ts';
import { retry, retryCreation } from '../retry.ts';
import type { Source } from '../source.ts';
import type { StallWatch } from '../stall.ts';
import { sendInSlices } from './body.ts';
import { rejectCondition, S3Error } from './errors.ts';
import { type Bucket, encryptionOf, hasAnswer, headObject, metadataOf, trackFurthest } from './objects.ts';
import { MAX_PARTS, partsInFlight } from './part-size.ts';

/** How long it may take to find out how an upload ended, once it has failed. */
const SETTLE_MS = 5_000;

export interface Upload {
  readonly key: string;
  readonly fields: { readonly Bucket: string; readonly Key: string; readonly UploadId: string };
}

export interface UploadResult {
  readonly bytes: number;
  readonly parts: number;
}

export interface TransferOptions {
  readonly watch: StallWatch;
  readonly idleMs: number;
  readonly ifAbsent: boolean;
  readonly onProgress: ((bytes: number) => void) | undefined;
  readonly onStored: ((chunk: Buffer) => void) | undefined;
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
  const input = {
    ...access.bucketFields,
    ...encryptionOf(config),
    ...metadataOf(run),
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
  return { key, fields: { ...access.bucketFields, Key: fullKey(key), UploadId } };
}

/** Sends a part for each chunk, several at a time, and completes the upload. The first failure ends them all. */
export async function uploadParts(
  bucket: Bucket,
  upload: Upload,
  first: Buffer,
  source: Source<Buffer>,
  options: TransferOptions,
): Promise<UploadResult> {
  const { watch } = options;
  const slots = partsInFlight(first.length);
  const inFlight = new Set<Promise<void>>();
  const parts: CompletedPart[] = [];
  let bytes = 0;
  let number = 0;
  const start = (chunk: Buffer) => {
    number += 1;
    if (number > MAX_PARTS)
      throw new Error(`the archive outgrew ${MAX_PARTS} parts of ${first.length} bytes`);
    const sending = uploadPart(bucket, upload, number, chunk, options)
      .then(part => {
        parts.push(part);
        bytes += chunk.length;
        watch.moved();
        options.onProgress?.(bytes);
        options.onStored?.(chunk);
      })
      .catch(watch.fail)
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  };
  try {
    watch.signal.throwIfAborted();
    start(first);
    for await (const chunk of source) {
      watch.moved();
      start(chunk);
      // A chunk is read only when it can be sent: memory holds what is in flight and no more.
      if (inFlight.size >= slots) await Promise.race(inFlight);
      watch.signal.throwIfAborted();
    }
  } catch (error) {
    watch.fail(error);
  }
  await Promise.all(inFlight);
  watch.signal.throwIfAborted();
  parts.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
  await completeUpload(bucket, upload, parts, bytes, options);
  return { bytes, parts: parts.length };
}

async function uploadPart(
  bucket: Bucket,
  upload: Upload,
  number: number,
  chunk: Buffer,
  { watch, idleMs }: TransferOptions,
): Promise<CompletedPart> {
  const { access } = bucket;
  const onSent = trackFurthest(watch.moved);
  const input = {
    ...access.bucketFields,
    ...upload.fields,
    PartNumber: number,
    Body: chunk,
    ContentLength: chunk.length,
  };
  const send = (signal: AbortSignal) =>
    access
      .request(
        ({ client, http, onActivity }) => {
          const command = new UploadPartCommand(input);
          sendInSlices(command, bytes => {
            onActivity();
            onSent(bytes);
          });
          return client.send(command, http);
        },
        { signal, idleMs },
      )
      .catch(noteAnswer(watch));
  const answer = await retry(`part ${number} of ${upload.key}`, send, {
    ...bucket.retry,
    signal: watch.signal,
  });
  if (answer.ETag === undefined) throw new Error(`the store gave no ETag for part ${number}`);
  const checksum = answer.ChecksumCRC32 === undefined ? {} : { ChecksumCRC32: answer.ChecksumCRC32 };
  return { PartNumber: number, ETag: answer.ETag, ...checksum };
}

/** Completes until there is an answer. When answers were lost, what the store has decides. */
async function completeUpload(
  bucket: Bucket,
  upload: Upload,
  parts: CompletedPart[],
  bytes: number,
  { watch, idleMs, ifAbsent }: TransferOptions,
): Promise<void> {
  const { access } = bucket;
  const condition = ifAbsent ? { IfNoneMatch: '*' } : {};
  const fields = { ...upload.fields, MultipartUpload: { Parts: parts }, ...condition };
  const complete = async (signal: AbortSignal) => {
    const command = new CompleteMultipartUploadCommand({ ...access.bucketFields, ...fields });
    const completing = access
      .request(({ client, http }) => client.send(command, http), { signal, idleMs })
      .catch(noteAnswer(watch));
    await (ifAbsent ? completing.catch(rejectCondition) : completing);
  };
  await retryCreation(
    `complete upload of ${upload.key}`,
    complete,
    () => wasCompleted(bucket, upload, parts, bytes),
    { ...bucket.retry, signal: watch.signal },
  );
}

/** Whether the object at the key is this upload's; if it is not, the upload is aborted. */
async function wasCompleted(
  bucket: Bucket,
  upload: Upload,
  parts: CompletedPart[],
  bytes: number,
): Promise<boolean> {
  const head = await retry(`head ${upload.key}`, signal => headObject(bucket, upload.key, signal), {
    ...bucket.retry,
    signal: timeoutSignal(SETTLE_MS),
  }).catch(() => 'unknown' as const);
  if (head === 'absent') return false;
  if (head !== 'unknown' && head.bytes !== bytes) return false;
  if (head !== 'unknown' && head.etag === multipartEtag(parts)) return true;
  // Under KMS an ETag is no MD5, and a HEAD may be denied: an upload that cannot be aborted has been completed.
  return (await abortUpload(bucket, upload).catch(() => 'unknown')) === 'not-found';
}

/** The ETag of an object in parts: the MD5 of the parts' MD5s. */
function multipartEtag(parts: readonly CompletedPart[]): string {
  const digest = createHash('md5');
  for (const { ETag = '' } of parts) digest.update(ETag.replaceAll('"', ''), 'hex');
  return `${digest.digest('hex')}-${parts.length}`;
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
      signal: timeoutSignal(SETTLE_MS),
    });
    return 'aborted';
  } catch (error) {
    if (error instanceof S3Error && error.kind === 'not-found') return 'not-found';
    throw error;
  }
}

export function noteAnswer(watch: StallWatch): (error: unknown) => never {
  return error => {
    if (hasAnswer(error)) watch.moved();
    throw error;
  };
}
