import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type MultipartUpload,
} from '@aws-sdk/client-s3';
import type { OpenUpload } from '../store.ts';
import { S3Error } from './errors.ts';
import type { Bucket } from './objects.ts';

/**
 * Aborts every multipart upload of a key that was neither completed nor aborted.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html: a prefix finds other keys as well
 */
export async function abortUploads(bucket: Bucket, key: string, signal: AbortSignal): Promise<number> {
  let aborted = 0;
  for await (const { Key, UploadId } of listUploads(bucket, key, signal)) {
    if (Key !== bucket.fullKey(key) || UploadId === undefined) continue;
    await abortUpload(bucket, key, UploadId, signal);
    aborted += 1;
  }
  return aborted;
}

/** Every multipart upload below a prefix that was neither completed nor aborted. */
export async function openUploads(
  bucket: Bucket,
  prefix: string,
  signal: AbortSignal,
): Promise<readonly OpenUpload[]> {
  const root = bucket.fullKey('').length;
  const found: OpenUpload[] = [];
  for await (const { Key = '', Initiated } of listUploads(bucket, prefix, signal))
    found.push({ key: Key.slice(root), modifiedMs: Initiated?.getTime() ?? 0 });
  return found;
}

async function* listUploads(
  { access, fullKey }: Bucket,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<MultipartUpload> {
  let position: { KeyMarker: string; UploadIdMarker: string } | undefined;
  do {
    const input = { ...access.bucketFields, Prefix: fullKey(prefix), ...position };
    const page: ListMultipartUploadsCommandOutput = await access.request(
      ({ client, http }) => client.send(new ListMultipartUploadsCommand(input), http),
      { signal },
    );
    yield* page.Uploads ?? [];
    position = nextPosition(page);
  } while (position !== undefined);
}

/** @returns undefined: the page was the last one. @throws {S3Error} when there are more, and no way to them */
function nextPosition({ IsTruncated, NextKeyMarker, NextUploadIdMarker }: ListMultipartUploadsCommandOutput) {
  if (IsTruncated !== true) return undefined;
  if (NextKeyMarker !== undefined && NextUploadIdMarker !== undefined)
    return { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
  throw new S3Error('the list of open uploads breaks off, and does not say where it goes on', {
    kind: 'rejected',
  });
}

async function abortUpload(
  { access, fullKey }: Bucket,
  key: string,
  UploadId: string,
  signal: AbortSignal,
): Promise<void> {
  const input = { ...access.bucketFields, Key: fullKey(key), UploadId };
  try {
    await access.request(({ client, http }) => client.send(new AbortMultipartUploadCommand(input), http), {
      signal,
    });
  } catch (error) {
    if (!(error instanceof S3Error) || error.kind !== 'not-found') throw error;
  }
}
