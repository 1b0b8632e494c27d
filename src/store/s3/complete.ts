import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
} from '@aws-sdk/client-s3';
import { sleep } from '../../runtime/abort.ts';
import { retryCreation } from '../retry.ts';
import { type Confirmation, confirmParts, multipartEtag, unquoted, type WriteAnswer } from './answer.ts';
import { noteReceived } from './body.ts';
import type { Attempt } from './client.ts';
import { rejectCondition, S3Error } from './errors.ts';
import { abortUpload, isNotFound, type Upload } from './multipart.ts';
import type { Bucket } from './objects.ts';
import { lookFor, type Written } from './settle.ts';
import { isOutcomeUnknown, openPatience, settling, type TransferOptions } from './transfer.ts';

/** What was sent, in the order of its parts. */
interface SentParts {
  readonly parts: CompletedPart[];
  readonly bytes: number;
  /** What the answers to all parts tell. */
  readonly confirmation: Confirmation;
}

/** Completes until there is an answer. When answers were lost, what the store has decides. */
export async function completeUpload(
  bucket: Bucket,
  upload: Upload,
  { parts, bytes, confirmation }: SentParts,
  options: TransferOptions,
): Promise<Written> {
  const { watch, ifAbsent } = options;
  const written = { key: upload.key, bytes, etag: multipartEtag(parts), upload: upload.id };
  const condition = ifAbsent ? { IfNoneMatch: '*' } : {};
  const input = { ...upload.fields, MultipartUpload: { Parts: parts }, ...condition };
  let mayBeThere = false;
  let answer: WriteAnswer | undefined;
  const complete = async (signal: AbortSignal) => {
    if (mayBeThere && (await isThere(bucket, written, options.limits.resendLookMs, signal))) return;
    const send = async (ended: AbortSignal) => {
      answer = await sendCompletion(bucket, input, options, ended);
    };
    const completing = unlessThere(bucket, written, options, signal, send).catch((error: unknown) => {
      mayBeThere = isOutcomeUnknown(error);
      throw error;
    });
    await (ifAbsent ? completing.catch(rejectCondition) : completing);
  };
  await retryCreation(
    `complete upload of ${upload.key}`,
    complete,
    error => wasCompleted(bucket, upload, written, error, options),
    { ...bucket.retry, signal: watch.signal },
  );
  if (answer === undefined) return written;
  const ofAll = confirmation === 'same' ? confirmParts(parts, answer) : confirmation;
  return { ...written, answer: { etag: unquoted(answer.ETag), confirmation: ofAll } };
}

/** S3 takes minutes for large objects, and sends white space meanwhile: only silence is a fault. */
async function sendCompletion(
  { access }: Bucket,
  input: CompleteMultipartUploadCommandInput,
  { watch, limits }: TransferOptions,
  signal: AbortSignal,
): Promise<WriteAnswer> {
  const send = ({ client, http, onActivity }: Attempt) => {
    const command = new CompleteMultipartUploadCommand(input);
    noteReceived(command, () => {
      onActivity();
      watch.moved();
    });
    return client.send(command, http);
  };
  const patience = openPatience(watch, limits);
  const answer = await access.request(send, { signal, idleMs: limits.maxIdleMs }).catch(patience.note);
  // A 200 may hold an error, or nothing; the SDK recognises an error only as the very last bytes.
  if (answer.ETag === undefined)
    throw new S3Error('the store gave no ETag', { kind: 'transient', status: 200 });
  return answer;
}

/** The outcome of a request, unless its object is found while it is silent: its answer may be lost without a sign. */
async function unlessThere(
  bucket: Bucket,
  written: Written,
  { limits }: TransferOptions,
  signal: AbortSignal,
  send: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const settled = new AbortController();
  const ended = AbortSignal.any([signal, settled.signal]);
  const looked = async () => {
    do await sleep(limits.idleMs, ended);
    while (!(await isThere(bucket, written, limits.idleMs, ended)));
  };
  const sending = send(ended);
  const looking = looked();
  // The one that is slower ends with the signal, and nobody waits for it.
  for (const each of [sending, looking]) each.catch(() => undefined);
  try {
    await Promise.race([sending, looking]);
  } finally {
    settled.abort();
  }
}

/** One look. */
async function isThere(
  bucket: Bucket,
  written: Written,
  lookMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await lookFor(bucket, written, { signal, lookMs, isFinal: () => true });
  return found.state === 'there';
}

/** Whether the object at the key is this upload's; if that cannot be told, the upload is aborted to see. */
async function wasCompleted(
  bucket: Bucket,
  upload: Upload,
  written: Written,
  error: unknown,
  options: TransferOptions,
): Promise<boolean> {
  const isUploadGone = isNotFound(error);
  const found = await lookFor(bucket, written, {
    ...settling(options.caller, options.limits.lookMs),
    isFinal: ({ state }) => state !== 'absent' || !isUploadGone,
  });
  if (found.state === 'there' || found.state === 'differs') return true;
  if (found.state === 'foreign' || (found.state === 'absent' && isUploadGone)) return false;
  if (found.state === 'unclear' && found.bytes !== undefined && found.bytes !== written.bytes) return false;
  // An upload that is gone when it is to be aborted has been completed.
  return (await abortUpload(bucket, upload).catch(() => 'unknown')) === 'not-found';
}
