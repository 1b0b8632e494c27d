import { type CompletedPart, UploadPartCommand } from '@aws-sdk/client-s3';
import { retry } from '../retry.ts';
import type { Source } from '../source.ts';
import { type Confirmation, checksumOf, confirmPart } from './answer.ts';
import { sendInSlices, signBody } from './body.ts';
import type { Attempt } from './client.ts';
import { completeUpload } from './complete.ts';
import { S3Error } from './errors.ts';
import type { Upload } from './multipart.ts';
import { type Bucket, trackFurthest } from './objects.ts';
import { MAX_PARTS, partsInFlight } from './part-size.ts';
import type { Written } from './settle.ts';
import { openPatience, type TransferOptions } from './transfer.ts';

/** Sends a part for each chunk, several at a time, and completes the upload. The first failure ends them all. */
export async function uploadParts(
  bucket: Bucket,
  upload: Upload,
  first: Buffer,
  source: Source<Buffer>,
  options: TransferOptions,
): Promise<{ written: Written; parts: number }> {
  const { watch } = options;
  const slots = partsInFlight(first.length);
  const inFlight = new Set<Promise<void>>();
  const parts: CompletedPart[] = [];
  const confirmations = new Set<Confirmation>();
  const payload: Payload = { isSigned: false };
  let bytes = 0;
  let number = 0;
  const start = (chunk: Buffer) => {
    number += 1;
    if (number > MAX_PARTS)
      throw new Error(`the archive outgrew ${MAX_PARTS} parts of ${first.length} bytes`);
    const sending = uploadPart(bucket, upload, number, chunk, options, payload)
      .then(({ part, confirmation }) => {
        parts.push(part);
        confirmations.add(confirmation);
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
  const sent = { parts, bytes, confirmation: leastOf(confirmations) };
  const written = await completeUpload(bucket, upload, sent, options);
  return { written, parts: parts.length };
}

/** What is true of all parts. */
function leastOf(confirmations: ReadonlySet<Confirmation>): Confirmation {
  if (confirmations.has('other')) return 'other';
  return confirmations.has('nothing') ? 'nothing' : 'same';
}

/** What is known of the parts' signatures. */
interface Payload {
  /** The bytes are signed as well: the store, or a policy, does not take them otherwise. */
  isSigned: boolean;
}

/** What a part is refused with whose bytes have to be signed. */
const REFUSALS: ReadonlySet<string> = new Set(['denied', 'rejected', 'credentials']);

async function uploadPart(
  bucket: Bucket,
  upload: Upload,
  number: number,
  chunk: Buffer,
  { watch, limits, sums }: TransferOptions,
  payload: Payload,
): Promise<{ part: CompletedPart; confirmation: Confirmation }> {
  const { access } = bucket;
  const onSent = trackFurthest(watch.moved);
  const patience = openPatience(watch, limits);
  const checksum = checksumOf(await sums.crc32(chunk));
  let digest: Promise<string> | undefined;
  const sha256 = () => (digest ??= sums.sha256(chunk));
  const input = {
    ...access.bucketFields,
    ...upload.fields,
    PartNumber: number,
    Body: chunk,
    ContentLength: chunk.length,
  };
  const attempt = async (signal: AbortSignal) => {
    let isUnsigned = false;
    const send = async ({ client, http, onActivity }: Attempt) => {
      const isSummed = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED';
      const command = new UploadPartCommand({ ...input, ...(isSummed && { ChecksumCRC32: checksum }) });
      // Without a checksum of its own nothing but the signature tells of a byte that changed before TLS.
      const mayBeLeftOut = isSummed && !payload.isSigned;
      signBody(command, { sha256, mayBeLeftOut, onLeftOut: () => (isUnsigned = true) });
      sendInSlices(command, bytes => {
        onActivity();
        onSent(bytes);
      });
      return client.send(command, http);
    };
    try {
      return await access.request(send, { signal, idleMs: patience.idleMs });
    } catch (error) {
      if (!isUnsigned || !(error instanceof S3Error) || !REFUSALS.has(error.kind)) throw error;
      payload.isSigned = true;
      return await access.request(send, { signal, idleMs: patience.idleMs });
    }
  };
  const answer = await retry(
    `part ${number} of ${upload.key}`,
    signal => attempt(signal).catch(patience.note),
    {
      ...bucket.retry,
      signal: watch.signal,
    },
  );
  if (answer.ETag === undefined) throw new Error(`the store gave no ETag for part ${number}`);
  const given = answer.ChecksumCRC32 === undefined ? {} : { ChecksumCRC32: answer.ChecksumCRC32 };
  const part = { PartNumber: number, ETag: answer.ETag, ...given };
  return { part, confirmation: confirmPart(checksum, answer) };
}
