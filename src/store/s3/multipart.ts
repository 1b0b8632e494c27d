import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { timeoutSignal } from '../../runtime/abort.ts';
import { withRetry } from '../retry.ts';
import type { Source } from '../source.ts';
import type { Watch } from '../stall.ts';
import { sendInSlices } from './body.ts';
import { S3Fault } from './errors.ts';
import { encryptionOf, hasAnswer, look, type S3Home, trackFurthest } from './objects.ts';
import { MAX_PARTS, partsInFlight } from './part-size.ts';

/** How long an upload's end may take to be settled once the try has failed. */
const SETTLE_MS = 5_000;

export interface Upload {
  readonly key: string;
  readonly target: { readonly Bucket: string; readonly Key: string; readonly UploadId: string };
}

export interface Sent {
  readonly bytes: number;
  readonly parts: number;
}

export interface SendOptions {
  readonly watch: Watch;
  readonly idleMs: number;
  readonly onProgress: ((bytes: number) => void) | undefined;
  readonly onStored: ((chunk: Buffer) => void) | undefined;
}

export interface BeginOptions {
  /** Ends the repeating. A request that is under way is awaited: an upload whose id is not known cannot be aborted. */
  readonly signal: AbortSignal;
  readonly idleMs: number;
  readonly maxTries?: number;
}

/** Starts a multipart upload: nothing is stored until it is completed, and nothing may stay when it is not. */
export async function beginUpload(home: S3Home, key: string, options: BeginOptions): Promise<Upload> {
  const uncancelled = { signal: new AbortController().signal, idleMs: options.idleMs };
  const { access, config, fullKey, onTrouble } = home;
  const input = { ...access.target, ...encryptionOf(config), Key: fullKey(key) };
  const answer = await withRetry(
    `starting the upload of ${key}`,
    () =>
      access.ask(async ({ client, http }) => {
        // Parts that bring a CRC32 belong to an upload that was announced with it.
        const isChecked = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED';
        const checksum = isChecked ? ({ ChecksumAlgorithm: 'CRC32' } as const) : {};
        return client.send(new CreateMultipartUploadCommand({ ...input, ...checksum }), http);
      }, uncancelled),
    { ...options, onTrouble },
  );
  if (answer.UploadId === undefined) throw new Error('the store gave no upload id');
  return { key, target: { ...access.target, Key: fullKey(key), UploadId: answer.UploadId } };
}

/** Sends a part for each chunk, several at a time, and completes the upload. The first failure ends them all. */
export async function sendUpload(
  home: S3Home,
  upload: Upload,
  first: Buffer,
  source: Source<Buffer>,
  options: SendOptions,
): Promise<Sent> {
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
    const sending = sendPart(home, upload, number, chunk, options)
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
      // A chunk is asked for only when it can be sent: memory holds what is in flight and no more.
      if (inFlight.size >= slots) await Promise.race(inFlight);
      watch.signal.throwIfAborted();
    }
  } catch (error) {
    watch.fail(error);
  }
  await Promise.all(inFlight);
  watch.signal.throwIfAborted();
  parts.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
  await completeUpload(home, upload, parts, bytes, options);
  return { bytes, parts: parts.length };
}

async function sendPart(
  { access, onTrouble }: S3Home,
  upload: Upload,
  number: number,
  chunk: Buffer,
  { watch, idleMs }: SendOptions,
): Promise<CompletedPart> {
  const sent = trackFurthest(watch.moved);
  const input = {
    ...access.target,
    ...upload.target,
    PartNumber: number,
    Body: chunk,
    ContentLength: chunk.length,
  };
  const limits = { signal: watch.signal, idleMs };
  const attempt = () =>
    access.ask(({ client, http, alive }) => {
      const command = new UploadPartCommand(input);
      sendInSlices(command, bytes => {
        alive();
        sent(bytes);
      });
      return client.send(command, http);
    }, limits);
  const answer = await withRetry(
    `part ${number} of ${upload.key}`,
    () => attempt().catch(noteAnswer(watch)),
    {
      signal: watch.signal,
      onTrouble,
    },
  );
  if (answer.ETag === undefined) throw new Error(`the store gave no ETag for part ${number}`);
  const checksum = answer.ChecksumCRC32 === undefined ? {} : { ChecksumCRC32: answer.ChecksumCRC32 };
  return { PartNumber: number, ETag: answer.ETag, ...checksum };
}

/** Completes until there is an answer. When answers were lost, what is at the store tells. */
async function completeUpload(
  home: S3Home,
  upload: Upload,
  parts: CompletedPart[],
  bytes: number,
  { watch, idleMs }: SendOptions,
): Promise<void> {
  const input = { ...upload.target, MultipartUpload: { Parts: parts }, IfNoneMatch: '*' };
  const { access, onTrouble } = home;
  const limits = { signal: watch.signal, idleMs };
  let mayBeDone = false;
  const attempt = () =>
    access.ask(
      ({ client, http }) =>
        client.send(new CompleteMultipartUploadCommand({ ...access.target, ...input }), http),
      limits,
    );
  try {
    await withRetry(
      `completing ${upload.key}`,
      () =>
        attempt()
          .catch((error: unknown) => {
            mayBeDone ||= !(error instanceof S3Fault) || error.kind === 'transient';
            throw error;
          })
          .catch(noteAnswer(watch)),
      { signal: watch.signal, onTrouble },
    );
  } catch (error) {
    if (mayBeDone && (await wasCompleted(home, upload, parts, bytes))) return;
    throw error;
  }
}

/** Whether the object at the key is this upload's; if it is not, the upload is aborted. */
async function wasCompleted(
  home: S3Home,
  upload: Upload,
  parts: CompletedPart[],
  bytes: number,
): Promise<boolean> {
  const signal = timeoutSignal(SETTLE_MS);
  const seen = await look(home, upload.key, signal).catch(() => 'unknown' as const);
  if (seen === 'absent') return false;
  if (seen !== 'unknown' && seen.bytes !== bytes) return false;
  if (seen !== 'unknown' && seen.etag === etagOf(parts)) return true;
  // Under KMS an ETag is no MD5, and a HEAD may be denied: an upload that cannot be aborted has been completed.
  return (await abortUpload(home, upload).catch(() => 'unknown')) === 'gone';
}

/** The ETag of an object in parts: the MD5 of the parts' MD5s. */
function etagOf(parts: readonly CompletedPart[]): string {
  const digest = createHash('md5');
  for (const { ETag = '' } of parts) digest.update(ETag.replaceAll('"', ''), 'hex');
  return `${digest.digest('hex')}-${parts.length}`;
}

/** Takes back everything that was sent. @returns `gone` when there was nothing (any more) */
export async function abortUpload(home: S3Home, upload: Upload): Promise<'aborted' | 'gone'> {
  const { access, onTrouble } = home;
  const signal = timeoutSignal(SETTLE_MS);
  try {
    await withRetry(
      `aborting ${upload.key}`,
      () =>
        access.ask(({ client, http }) => client.send(new AbortMultipartUploadCommand(upload.target), http), {
          signal,
        }),
      { signal, onTrouble },
    );
    return 'aborted';
  } catch (error) {
    if (error instanceof S3Fault && error.kind === 'gone') return 'gone';
    throw error;
  }
}

function noteAnswer(watch: Watch): (error: unknown) => never {
  return error => {
    if (hasAnswer(error)) watch.moved();
    throw error;
  };
}
