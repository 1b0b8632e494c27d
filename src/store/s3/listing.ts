import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3';
import { retry } from '../retry.ts';
import type { StoredObject } from '../store.ts';
import { S3Error } from './errors.ts';
import type { Bucket } from './objects.ts';

/** DeleteObjects takes no more. */
const DELETED_AT_ONCE = 1000;
/** How many DeleteObject requests are under way. */
const DELETED_SINGLY = 16;

/**
 * Lists page by page, in S3's own order, which is that of the keys' bytes. Where a store says that there is more, but
 * gives no token for it, it is asked for what comes after the last key.
 * @throws {S3Error} when the listing cannot be continued: an end that is none would hide what comes after it
 */
export async function* listObjects(
  { access, fullKey }: Bucket,
  prefix: string,
  signal: AbortSignal,
  startAfter: string | undefined,
): AsyncGenerator<StoredObject> {
  const start = fullKey('');
  let position: { StartAfter: string } | { ContinuationToken: string } | undefined =
    startAfter === undefined ? undefined : { StartAfter: fullKey(startAfter) };
  let last: string | undefined;
  do {
    const input = { ...access.bucketFields, Prefix: `${start}${prefix}`, ...position };
    const page: ListObjectsV2CommandOutput = await access.request(
      ({ client, http }) => client.send(new ListObjectsV2Command(input), http),
      { signal },
    );
    const { Contents = [] } = page;
    if (last !== undefined && position !== undefined && 'StartAfter' in position)
      rejectRepetition(Contents[0]?.Key, last);
    for (const { Key = '', Size = 0, LastModified, ETag } of Contents) {
      const modifiedMs = LastModified?.getTime() ?? 0;
      yield { key: Key.slice(start.length), bytes: Size, modifiedMs, version: ETag };
    }
    last = Contents.at(-1)?.Key ?? last;
    position = page.IsTruncated ? continuation(page.NextContinuationToken, last) : undefined;
  } while (position !== undefined);
}

function continuation(token: string | undefined, last: string | undefined) {
  if (token !== undefined) return { ContinuationToken: token };
  if (last === undefined) throw cannotContinue();
  return { StartAfter: last };
}

function rejectRepetition(first: string | undefined, last: string): void {
  const isFurther = first !== undefined && Buffer.compare(Buffer.from(first), Buffer.from(last)) > 0;
  if (!isFurther) throw cannotContinue();
}

function cannotContinue(): S3Error {
  return new S3Error('the store says that there is more, and does not give it', {
    kind: 'rejected',
    operation: 'ListObjectsV2',
  });
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

function* batchesOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
