import { randomUUID } from 'node:crypto';
import { sumsHere } from '../../files/sums.ts';
import { orAborted } from '../../runtime/abort.ts';
import { errorMessage } from '../../runtime/text.ts';
import { retryCreation } from '../retry.ts';
import { openSource, type Source } from '../source.ts';
import { watchForStall } from '../stall.ts';
import { ChecksumError, type Receipt, type UploadOptions } from '../store.ts';
import { confirmWhole, unquoted, type WriteAnswer } from './answer.ts';
import { explain, S3Error } from './errors.ts';
import { abortUpload, createUpload } from './multipart.ts';
import { type Bucket, etagOf, putObject, trackFurthest } from './objects.ts';
import { isWholeArchive } from './part-size.ts';
import { uploadParts } from './parts.ts';
import { type Finding, lookFor, type Written } from './settle.ts';
import { isOutcomeUnknown, limitsOf, openPatience, settling, type TransferOptions } from './transfer.ts';

/** How long an aborted upload has to delete what it sent. */
const CLEANUP_MS = 1_500;

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
  const { signal, ifAbsent = true, onProgress, onStored, sums = sumsHere } = options;
  const limits = limitsOf(options.stallMs);
  const transfer = { caller: signal, watch, limits, ifAbsent, onProgress, onStored, sums };
  try {
    const { written, parts } = await orAborted(upload(bucket, key, source, transfer), signal, CLEANUP_MS);
    const verified = await confirm(bucket, written, transfer);
    return { url: `${url}/${key}`, key, bytes: written.bytes, parts, verified };
  } catch (error) {
    options.signal.throwIfAborted();
    throw explain(error, `save ${key} to ${url}`, bucket.location);
  } finally {
    source.close();
    watch.stop();
  }
}

interface Sent {
  readonly written: Written;
  readonly parts: number;
}

async function upload(
  bucket: Bucket,
  key: string,
  source: Source<Buffer>,
  options: TransferOptions,
): Promise<Sent> {
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
  options: TransferOptions,
): Promise<Sent> {
  const { watch, limits, ifAbsent, onProgress, onStored } = options;
  if (!(await source.next()).done)
    throw new Error(
      `a chunk of ${body.length} bytes came before the last: chunks must have the size of chunkBytes`,
    );
  const written = { key, bytes: body.length, etag: etagOf(body), upload: randomUUID() };
  const onSent = trackFurthest(watch.moved);
  const patience = openPatience(watch, limits);
  let mayBeThere = false;
  let answer: WriteAnswer | undefined;
  const put = async (signal: AbortSignal) => {
    if (mayBeThere && (await isThere(bucket, written, { ...options, lookMs: limits.resendLookMs }))) return;
    const { idleMs } = patience;
    const { upload } = written;
    const putting = putObject(bucket, key, body, { ifAbsent, signal, idleMs, onSent, upload });
    answer = await putting.catch((error: unknown) => {
      mayBeThere = isOutcomeUnknown(error);
      return patience.note(error);
    });
  };
  await retryCreation(
    `put ${key}`,
    put,
    () => isThere(bucket, written, { ...options, lookMs: limits.lookMs }),
    {
      ...bucket.retry,
      signal: watch.signal,
      isRetryable: error => bucket.retry.isRetryable(error) || isConflict(error),
    },
  );
  onProgress?.(body.length);
  onStored?.(body);
  if (answer === undefined) return { written, parts: 1 };
  const confirmation = confirmWhole(body, written.etag, answer);
  return { written: { ...written, answer: { etag: unquoted(answer.ETag), confirmation } }, parts: 1 };
}

/** Whether the archive is at its key already; nothing there is looked at again, something else is not. */
async function isThere(
  bucket: Bucket,
  written: Written,
  { caller, lookMs }: TransferOptions & { readonly lookMs: number },
): Promise<boolean> {
  const isFinal = ({ state }: Finding) => state !== 'absent';
  const { state } = await lookFor(bucket, written, { ...settling(caller, lookMs), isFinal });
  return state === 'there' || state === 'differs';
}

/** Unlike an upload in parts, an object that is put whole can simply be put again. */
function isConflict(error: unknown): boolean {
  return error instanceof S3Error && error.kind === 'conflict';
}

async function uploadInParts(
  bucket: Bucket,
  key: string,
  first: Buffer,
  source: Source<Buffer>,
  options: TransferOptions,
): Promise<Sent> {
  const { watch, limits } = options;
  // To give up early would leave an upload open that nobody knows.
  const idleMs = 2 * limits.idleMs;
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

/**
 * Whether the store has all of it: it is asked for the size, and where the rights do not allow that, or no size is told,
 * its answer to the upload has to confirm the bytes. What is stored is stored, also when neither comes.
 * @throws {ChecksumError} when the store says that it has other bytes
 * @throws {S3Error} of kind `exists` when somebody else's archive has replaced it, where conditions do not hold
 */
async function confirm(
  bucket: Bucket,
  written: Written,
  { caller, limits }: TransferOptions,
): Promise<boolean> {
  const { bytes, answer } = written;
  if (answer?.confirmation === 'other')
    throw new ChecksumError(`the store says that it has other bytes than the ${bytes} that it was sent`);
  const found = await lookFor(bucket, written, {
    signal: caller,
    lookMs: limits.lookMs,
    isFinal: found => found.state === 'unclear' && found.bytes === bytes,
  });
  if (caller.aborted) return found.state === 'there';
  switch (found.state) {
    case 'there':
      return true;
    case 'unknown':
      return answer?.confirmation === 'same';
    case 'absent':
      throw new Error(`the store took ${bytes} bytes, but has nothing`);
    case 'foreign':
      throw new S3Error('another archive has taken its place', { kind: 'exists' });
    case 'differs':
    case 'unclear':
      if (found.bytes !== undefined && found.bytes !== bytes)
        throw new Error(`the store took ${bytes} bytes, but has ${found.bytes} bytes`);
      // Of what does not say whose it is the size alone proves nothing.
      return found.state === 'differs' && answer?.confirmation === 'same';
    default:
      return found satisfies never;
  }
}
