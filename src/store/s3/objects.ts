import { createHash } from 'node:crypto';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { S3Config } from '../../config/session-config.ts';
import { type RetryEvent, withRetry } from '../retry.ts';
import { sendInSlices } from './body.ts';
import type { S3Access } from './client.ts';
import { S3Fault } from './errors.ts';

/** What all operations of a destination share. */
export interface S3Home {
  readonly access: S3Access;
  readonly place: { readonly bucket: string; readonly prefix: string };
  readonly config: S3Config;
  /** The object's full key for a key of the destination's. */
  readonly fullKey: (key: string) => string;
  readonly onTrouble: ((trouble: RetryEvent) => void) | undefined;
}

export interface PutLimits {
  readonly signal: AbortSignal;
  readonly idleMs?: number;
  readonly onMoved?: () => void;
}

/**
 * Sends one object whole.
 * @throws {S3Fault} of kind `taken` when `ifAbsent` and another's object is there
 */
export async function putObject(
  home: S3Home,
  key: string,
  body: Buffer,
  options: PutLimits & { readonly ifAbsent: boolean },
): Promise<void> {
  const { access, config, fullKey, onTrouble } = home;
  const input = {
    ...access.target,
    ...encryptionOf(config),
    Key: fullKey(key),
    Body: body,
    ContentLength: body.length,
    ...(options.ifAbsent ? { IfNoneMatch: '*' } : {}),
  };
  const sent = trackFurthest(options.onMoved);
  let mayBeDone = false;
  const attempt = () =>
    access.ask(({ client, http, alive }) => {
      const command = new PutObjectCommand(input);
      sendInSlices(command, bytes => {
        alive();
        sent(bytes);
      });
      return client.send(command, http);
    }, options);
  try {
    await withRetry(
      key,
      () =>
        attempt().catch((error: unknown) => {
          mayBeDone ||= error instanceof S3Fault && error.kind === 'transient';
          if (hasAnswer(error)) options.onMoved?.();
          throw error;
        }),
      { signal: options.signal, kinds: ['transient', 'conflict'], onTrouble },
    );
  } catch (error) {
    // A try whose answer was lost may have stored it: then what is in the way is our own object.
    if (!(mayBeDone && error instanceof S3Fault && error.kind === 'taken')) throw error;
    const seen = await look(home, key, options.signal);
    const isOurs = typeof seen === 'object' && seen.bytes === body.length && seen.etag === md5(body);
    if (!isOurs) throw error;
  }
}

export interface Seen {
  readonly bytes: number;
  /** Without its quotes. */
  readonly etag: string;
}

/** Asks for an object's size; `unknown` where the rights do not allow to ask. */
export async function look(
  { access, fullKey, onTrouble }: S3Home,
  key: string,
  signal: AbortSignal,
): Promise<Seen | 'absent' | 'unknown'> {
  const input = { ...access.target, Key: fullKey(key) };
  try {
    const answer = await withRetry(
      `the size of ${key}`,
      () => access.ask(({ client, http }) => client.send(new HeadObjectCommand(input), http), { signal }),
      { signal, onTrouble },
    );
    return { bytes: answer.ContentLength ?? 0, etag: (answer.ETag ?? '').replaceAll('"', '') };
  } catch (error) {
    if (error instanceof S3Fault && error.kind === 'gone') return 'absent';
    // Without s3:ListBucket a key that is not there is answered with 403, too.
    if (error instanceof S3Fault && error.kind === 'denied') return 'unknown';
    throw error;
  }
}

export function encryptionOf({ encryption }: S3Config) {
  if (encryption === undefined) return {};
  const { algorithm, kmsKeyId } = encryption;
  return { ServerSideEncryption: algorithm, ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }) };
}

/** Tells of bytes only when they get further than in any try before. */
export function trackFurthest(onMoved: (() => void) | undefined): (bytes: number) => void {
  let furthest = -1;
  return bytes => {
    if (bytes <= furthest) return;
    furthest = bytes;
    onMoved?.();
  };
}

/** A store that answers, whatever it answers, is not a stalled one. */
export function hasAnswer(error: unknown): boolean {
  return error instanceof S3Fault && error.status !== undefined;
}

function md5(body: Buffer): string {
  return createHash('md5').update(body).digest('hex');
}
