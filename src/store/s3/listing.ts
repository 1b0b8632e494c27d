import { addAbortSignal, Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3';
import { retry } from '../retry.ts';
import type { ObjectBody, ReadPosition, StoredObject } from '../store.ts';
import { S3Error } from './errors.ts';
import type { Bucket } from './objects.ts';

/** DeleteObjects takes no more. */
const DELETED_AT_ONCE = 1000;
/** How many DeleteObject requests are under way. */
const DELETED_SINGLY = 16;
const IDLE_MS = 20_000;

/** Lists page by page, in S3's own order, which is that of the keys' bytes. */
export async function* listObjects(
  { access, fullKey }: Bucket,
  prefix: string,
  signal: AbortSignal,
  startAfter: string | undefined,
): AsyncGenerator<StoredObject> {
  const start = fullKey('');
  let position: { StartAfter: string } | { ContinuationToken: string } | undefined =
    startAfter === undefined ? undefined : { StartAfter: fullKey(startAfter) };
  do {
    const input = { ...access.bucketFields, Prefix: `${start}${prefix}`, ...position };
    const page: ListObjectsV2CommandOutput = await access.request(
      ({ client, http }) => client.send(new ListObjectsV2Command(input), http),
      { signal },
    );
    for (const { Key = '', Size = 0, LastModified } of page.Contents ?? [])
      yield { key: Key.slice(start.length), bytes: Size, modifiedMs: LastModified?.getTime() ?? 0 };
    const token = page.IsTruncated ? page.NextContinuationToken : undefined;
    position = token === undefined ? undefined : { ContinuationToken: token };
  } while (position !== undefined);
}

/** Deletes in batches, or one by one where a store cannot. Each request is repeated by itself. */
export async function deleteObjects(
  bucket: Bucket,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const options = { ...bucket.retry, signal };
  const deleteSingly = async (few: readonly string[]) => {
    for (const batch of batchesOf(few, DELETED_SINGLY))
      await Promise.all(
        batch.map(key => retry(`delete ${key}`, attempt => deleteObject(bucket, key, attempt), options)),
      );
  };
  for (const batch of batchesOf(keys, DELETED_AT_ONCE)) {
    try {
      const what = `delete ${batch.length} objects`;
      const left = await retry(what, attempt => deleteBatch(bucket, batch, attempt), options);
      // Each has an error of its own: requested alone, it is denied or repeated as any other.
      await deleteSingly(left);
    } catch (error) {
      // Some stores have no DeleteObjects, others want an MD5 with it that the SDK no longer sends.
      if (!(error instanceof S3Error) || error.kind !== 'rejected') throw error;
      await deleteSingly(batch);
    }
  }
}

/** @returns the keys that could not be deleted */
async function deleteBatch(
  { access, fullKey }: Bucket,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const Delete = { Quiet: true, Objects: keys.map(key => ({ Key: fullKey(key) })) };
  const input = { ...access.bucketFields, Delete };
  const { Errors = [] } = await access.request(
    ({ client, http }) => client.send(new DeleteObjectsCommand(input), http),
    { signal },
  );
  const start = fullKey('').length;
  return Errors.flatMap(({ Key }) => (Key === undefined ? [] : [Key.slice(start)]));
}

async function deleteObject({ access, fullKey }: Bucket, key: string, signal: AbortSignal): Promise<void> {
  const input = { ...access.bucketFields, Key: fullKey(key) };
  try {
    await access.request(({ client, http }) => client.send(new DeleteObjectCommand(input), http), { signal });
  } catch (error) {
    // S3 answers 204 for a key that is not there; some stores answer 404.
    if (!(error instanceof S3Error) || error.kind !== 'not-found') throw error;
  }
}

/** Opens an object for reading; undefined when there is none. */
export async function getObject(
  { access, fullKey }: Bucket,
  key: string,
  signal: AbortSignal,
  from: ReadPosition | undefined,
): Promise<ObjectBody | undefined> {
  const range = from && { Range: `bytes=${from.at}-`, IfMatch: from.version };
  const input = { ...access.bucketFields, Key: fullKey(key), ...range };
  try {
    const answer = await access.request(
      ({ client, http }) => client.send(new GetObjectCommand(input), http),
      { signal },
    );
    return Object.assign(bytesOf(answer, signal), { version: answer.ETag });
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    if (error.kind === 'not-found') return undefined;
    if (error.status !== 412) throw error;
    throw new S3Error('it was replaced while it was read', { ...error, kind: 'replaced', cause: error });
  }
}

/** The body's chunks; one that stops coming breaks off. Time that the reader takes does not count. */
async function* bytesOf({ Body }: GetObjectCommandOutput, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (!(Body instanceof Readable)) throw new Error('the store sent no body');
  addAbortSignal(signal, Body);
  const iterator: AsyncIterator<Buffer> = Body[Symbol.asyncIterator]();
  const giveUp = () => Body.destroy(new S3Error(`no byte for ${IDLE_MS / 1000} s`, { kind: 'transient' }));
  try {
    while (true) {
      const idle = setTimeout(giveUp, IDLE_MS);
      const next = await iterator.next().finally(() => clearTimeout(idle));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    Body.destroy();
  }
}

function* batchesOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
