import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
} from '@aws-sdk/client-s3';
import { S3Error } from './errors.ts';
import type { Bucket } from './objects.ts';

/**
 * Aborts every multipart upload of a key that was neither completed nor aborted.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html: a prefix finds other keys as well
 */
export async function abortUploads(bucket: Bucket, key: string, signal: AbortSignal): Promise<number> {
  let aborted = 0;
  for await (const uploadId of openUploads(bucket, key, signal)) {
    await abortUpload(bucket, key, uploadId, signal);
    aborted += 1;
  }
  return aborted;
}

async function* openUploads(
  { access, fullKey }: Bucket,
  key: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let position: { KeyMarker: string; UploadIdMarker: string } | undefined;
  do {
    const input = { ...access.bucketFields, Prefix: fullKey(key), ...position };
    const page: ListMultipartUploadsCommandOutput = await access.request(
      ({ client, http }) => client.send(new ListMultipartUploadsCommand(input), http),
      { signal },
    );
    for (const { Key, UploadId } of page.Uploads ?? [])
      if (Key === fullKey(key) && UploadId !== undefined) yield UploadId;
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
