import { orAborted, timeoutSignal } from '../../runtime/abort.ts';
import { errorMessage } from '../../runtime/text.ts';
import { retry, retryCreation } from '../retry.ts';
import { openSource, type Source } from '../source.ts';
import { watchForStall } from '../stall.ts';
import type { Receipt, UploadOptions } from '../store.ts';
import { explain, S3Error } from './errors.ts';
import {
  abortUpload,
  createUpload,
  noteAnswer,
  type TransferOptions,
  type UploadResult,
  uploadParts,
} from './multipart.ts';
import { type Bucket, etagOf, headObject, putObject, trackFurthest } from './objects.ts';
import { isWholeArchive } from './part-size.ts';

const IDLE_MS = 20_000;
/** How long an aborted upload has to delete what it sent. */
const CLEANUP_MS = 1_500;
/** How long the store may take to give the size of what it has just stored. */
const CONFIRM_MS = 10_000;

/** Stores an archive: small ones in one request, others in parts. See `Store.store`. */
export async function uploadArchive(
  bucket: Bucket,
  url: string,
  key: string,
  chunks: AsyncIterable<Buffer>,
  options: UploadOptions,
): Promise<Receipt> {
  const watch = watchForStall(options.stallMs, options.signal);
  const source = openSource(chunks, watch.signal);
  const { ifAbsent = true, onProgress, onStored } = options;
  const transfer = { watch, idleMs: Math.min(IDLE_MS, options.stallMs / 2), ifAbsent, onProgress, onStored };
  try {
    const sent = await orAborted(upload(bucket, key, source, transfer), options.signal, CLEANUP_MS);
    const verified = await confirm(bucket, key, sent.bytes, options.signal);
    return { url: `${url}/${key}`, key, bytes: sent.bytes, parts: sent.parts, verified };
  } catch (error) {
    options.signal.throwIfAborted();
    throw explain(error, `save ${key} to ${url}`, bucket.location);
  } finally {
    source.close();
    watch.stop();
  }
}

async function upload(
  bucket: Bucket,
  key: string,
  source: Source<Buffer>,
  options: TransferOptions,
): Promise<UploadResult> {
  const next = await source.next();
  const first = next.done ? Buffer.alloc(0) : next.value;
  return isWholeArchive(first.length)
    ? uploadWhole(bucket, key, first, source, options)
    : uploadInParts(bucket, key, first, source, options);
}

async function uploadWhole(
  bucket: Bucket,
  key: string,
  body: Buffer,
  source: Source<Buffer>,
  { watch, idleMs, ifAbsent, onProgress, onStored }: TransferOptions,
): Promise<UploadResult> {
  if (!(await source.next()).done)
    throw new Error(
      `a chunk of ${body.length} bytes came before the last: chunks must have the size of chunkBytes`,
    );
  const onSent = trackFurthest(watch.moved);
  await retryCreation(
    `put ${key}`,
    signal => putObject(bucket, key, body, { ifAbsent, signal, idleMs, onSent }).catch(noteAnswer(watch)),
    error => holds(bucket, key, body, error, watch.signal),
    {
      ...bucket.retry,
      signal: watch.signal,
      isRetryable: error => bucket.retry.isRetryable(error) || isConflict(error),
    },
  );
  onProgress?.(body.length);
  onStored?.(body);
  return { bytes: body.length, parts: 1 };
}

/** Unlike an upload in parts, an object that is put whole can simply be put again. */
function isConflict(error: unknown): boolean {
  return error instanceof S3Error && error.kind === 'conflict';
}

/** Whether the object that is in the way of a put is its own. */
async function holds(
  bucket: Bucket,
  key: string,
  body: Buffer,
  error: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(error instanceof S3Error) || error.kind !== 'exists') return false;
  const head = await retry(`head ${key}`, attempt => headObject(bucket, key, attempt), {
    ...bucket.retry,
    signal,
  });
  return typeof head === 'object' && head.bytes === body.length && head.etag === etagOf(body);
}

async function uploadInParts(
  bucket: Bucket,
  key: string,
  first: Buffer,
  source: Source<Buffer>,
  options: TransferOptions,
): Promise<UploadResult> {
  const { watch, idleMs } = options;
  const started = await createUpload(bucket, key, { signal: watch.signal, idleMs });
  try {
    return await uploadParts(bucket, started, first, source, options);
  } catch (error) {
    await abortUpload(bucket, started).catch((why: unknown) => {
      const request = `abort upload of ${key}, whose parts stay until the bucket's lifecycle rule deletes them`;
      bucket.retry.onRetry?.({ request, why: errorMessage(why), waitMs: undefined });
    });
    throw error;
  }
}

/** Asks the store for the size. What is stored is stored, also when the answer does not come. */
async function confirm(bucket: Bucket, key: string, bytes: number, signal: AbortSignal): Promise<boolean> {
  const head = await retry(`head ${key}`, attempt => headObject(bucket, key, attempt), {
    ...bucket.retry,
    signal: timeoutSignal(CONFIRM_MS, signal),
  }).catch(() => 'unknown' as const);
  if (head === 'unknown') return false;
  const found = head === 'absent' ? 'nothing' : `${head.bytes} bytes`;
  if (head === 'absent' || head.bytes !== bytes)
    throw new Error(`the store took ${bytes} bytes, but has ${found}`);
  return true;
}
