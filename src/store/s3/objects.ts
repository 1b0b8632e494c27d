import { createHash } from 'node:crypto';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { S3Config } from '../../config/session-config.ts';
import type { RetryObserver } from '../retry.ts';
import { unquoted, type WriteAnswer } from './answer.ts';
import { sendInSlices } from './body.ts';
import type { S3Access } from './client.ts';
import { type BucketLocation, rejectCondition, S3Error } from './errors.ts';

/** What all operations on a bucket share. */
export interface Bucket {
  readonly access: S3Access;
  readonly location: BucketLocation;
  readonly config: S3Config;
  /** Whose objects are written: their metadata names it. */
  readonly run: string | undefined;
  /** The object's full key for a key of the store's. */
  readonly fullKey: (key: string) => string;
  /** How an operation of several requests repeats each of them. */
  readonly retry: RetryObserver & { readonly isRetryable: (error: unknown) => boolean };
}

export interface PutLimits {
  readonly signal: AbortSignal;
  readonly idleMs?: number;
  /** Called with the bytes that were sent so far in this attempt. */
  readonly onSent?: (bytes: number) => void;
  /** Named in the object's metadata: see `Written`. */
  readonly upload?: string;
}

/**
 * Sends one object whole, in one attempt.
 * @returns what the store says that it has
 * @throws {S3Error} when `ifAbsent`: of kind `exists`, or `condition-refused`
 */
export async function putObject(
  { access, config, run, fullKey }: Bucket,
  key: string,
  body: Buffer,
  options: PutLimits & { readonly ifAbsent: boolean },
): Promise<WriteAnswer> {
  const input = {
    ...access.bucketFields,
    ...encryptionOf(config),
    ...metadataOf({ run, upload: options.upload }),
    Key: fullKey(key),
    Body: body,
    ContentLength: body.length,
    ...(options.ifAbsent ? { IfNoneMatch: '*' } : {}),
  };
  const sending = access.request(({ client, http, onActivity }) => {
    const command = new PutObjectCommand(input);
    sendInSlices(command, bytes => {
      onActivity();
      options.onSent?.(bytes);
    });
    return client.send(command, http);
  }, options);
  return await (options.ifAbsent ? sending.catch(rejectCondition) : sending);
}

export interface ObjectHead {
  /** undefined: the store does not say, for instance behind a gateway that compresses. */
  readonly bytes: number | undefined;
  /** Without its quotes. */
  readonly etag: string;
  /** The run that wrote it; undefined: it does not say. */
  readonly run: string | undefined;
  /** The upload that it came with; undefined: it does not say, or is no archive. */
  readonly upload: string | undefined;
}

/** HEAD of an object, in one attempt; `unknown` where the rights do not allow it. */
export async function headObject(
  { access, fullKey }: Bucket,
  key: string,
  signal: AbortSignal,
): Promise<ObjectHead | 'absent' | 'unknown'> {
  const input = { ...access.bucketFields, Key: fullKey(key) };
  try {
    const answer = await access.request(
      ({ client, http }) => client.send(new HeadObjectCommand(input), http),
      { signal },
    );
    return {
      bytes: answer.ContentLength,
      etag: unquoted(answer.ETag),
      run: answer.Metadata?.run,
      upload: answer.Metadata?.upload,
    };
  } catch (error) {
    if (error instanceof S3Error && error.kind === 'not-found') return 'absent';
    // Without s3:ListBucket a key that is not there is answered with 403, too.
    if (error instanceof S3Error && error.kind === 'denied') return 'unknown';
    throw error;
  }
}

export function encryptionOf({ encryption }: S3Config) {
  if (encryption === undefined) return {};
  const { algorithm, kmsKeyId } = encryption;
  return { ServerSideEncryption: algorithm, ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }) };
}

/** `x-amz-meta-run` and `x-amz-meta-upload`. */
export function metadataOf({ run, upload }: { run: string | undefined; upload: string | undefined }) {
  const named = { ...(run === undefined ? {} : { run }), ...(upload === undefined ? {} : { upload }) };
  return { Metadata: named };
}

/** Reports bytes only when they get further than in any attempt before. */
export function trackFurthest(onMoved: () => void): (bytes: number) => void {
  let furthest = -1;
  return bytes => {
    if (bytes <= furthest) return;
    furthest = bytes;
    onMoved();
  };
}

/** A store that answers, whatever it answers, is not a stalled one. */
export function hasAnswer(error: unknown): boolean {
  return error instanceof S3Error && error.status !== undefined;
}

/** The ETag of an object that was put whole, unless KMS encrypts it. */
export function etagOf(body: Buffer): string {
  return createHash('md5').update(body).digest('hex');
}
