import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { CompletedPart } from '@aws-sdk/client-s3';

/** What a store answers to a write: its own digests of the bytes that it has. */
export interface WriteAnswer {
  readonly ETag?: string | undefined;
  readonly ChecksumCRC32?: string | undefined;
}

/**
 * What an answer tells of the bytes: they are those that were sent, and all of them; they are others; or nothing, since
 * ETags are MD5s at some stores only, and not with KMS, and not every store gives back a checksum.
 */
export type Confirmation = 'same' | 'other' | 'nothing';

/**
 * What the answer to a PutObject tells.
 * @param etag what S3 makes of the bytes
 */
export function confirmWhole(body: Buffer, etag: string, answer: WriteAnswer): Confirmation {
  return unquoted(answer.ETag) === etag ? 'same' : confirmPart(checksumOf(crc32(body)), answer);
}

/**
 * What the answer to an UploadPart tells. The checksum alone is looked at: the MD5 of every part would cost too much.
 * @param checksum see `checksumOf`
 */
export function confirmPart(checksum: string, { ChecksumCRC32 }: WriteAnswer): Confirmation {
  if (ChecksumCRC32 === undefined) return 'nothing';
  return ChecksumCRC32 === checksum ? 'same' : 'other';
}

/**
 * What the answer to a CompleteMultipartUpload tells, all of whose parts are confirmed: whether the object consists of
 * these parts. Its checksum is that of their checksums, with their number; one of another form is of all bytes together,
 * of which there is none to compare it with.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
export function confirmParts(
  parts: readonly CompletedPart[],
  { ETag, ChecksumCRC32 = '' }: WriteAnswer,
): Confirmation {
  if (unquoted(ETag) === multipartEtag(parts)) return 'same';
  const [checksum, count] = ChecksumCRC32.split('-');
  if (count === undefined) return 'nothing';
  const ofParts = parts.map(part => Buffer.from(part.ChecksumCRC32 ?? '', 'base64'));
  const isSame = checksum === checksumOf(crc32(Buffer.concat(ofParts))) && Number(count) === parts.length;
  return isSame ? 'same' : 'other';
}

/** The ETag of an object in parts: the MD5 of the parts' MD5s. */
export function multipartEtag(parts: readonly CompletedPart[]): string {
  const digest = createHash('md5');
  for (const { ETag } of parts) digest.update(unquoted(ETag), 'hex');
  return `${digest.digest('hex')}-${parts.length}`;
}

export function unquoted(etag = ''): string {
  return etag.replaceAll('"', '');
}

/** A CRC-32 as S3 writes it: `x-amz-checksum-crc32`. */
export function checksumOf(sum: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum);
  return bytes.toString('base64');
}
