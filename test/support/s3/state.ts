import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Body } from './body.ts';
import { noSuchBucket, noSuchUpload, preconditionFailed, S3Error } from './errors.ts';

/** An object is the bodies that it was sent in: completing an upload copies nothing. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  readonly parts: number;
  readonly modified: Date;
  readonly bodies: readonly Body[];
  /** The request's headers that S3 keeps: encryption, checksum algorithm, owner. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface OpenUpload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly parts: Map<number, Body>;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a store makes of If-None-Match. */
export type Conditions =
  | 'honoured'
  /** As Ceph does: only a CompleteMultipartUpload ignores it. */
  | 'ignored-on-complete'
  | 'ignored'
  /** As Swift and Backblaze B2 do: 501. */
  | 'refused'
  /** As others do: 400. */
  | 'refused-as-invalid';

export interface State {
  readonly conditions: Conditions;
  readonly buckets: Map<string, Map<string, StoredObject>>;
  readonly uploads: Map<string, OpenUpload>;
}

/** S3's own limits. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const LIMITS = { parts: 10_000, minPartBytes: 5 * 1024 * 1024, listed: 1000, deleted: 1000 } as const;

export function objectsOf(state: State, bucket: string): Map<string, StoredObject> {
  const objects = state.buckets.get(bucket);
  if (!objects) throw noSuchBucket();
  return objects;
}

export function uploadOf(state: State, bucket: string, key: string, id: string): OpenUpload {
  objectsOf(state, bucket);
  const upload = state.uploads.get(id);
  if (upload?.bucket !== bucket || upload.key !== key) throw noSuchUpload();
  return upload;
}

export function keep(state: State, bucket: string, object: StoredObject, ifNoneMatch: boolean): void {
  const objects = objectsOf(state, bucket);
  const before = objects.get(object.key);
  if (before && ifNoneMatch) throw preconditionFailed();
  if (before) discard(before.bodies);
  objects.set(object.key, object);
}

/** What CompleteMultipartUpload makes of the parts that it names, having refused what S3 refuses. */
export function assemble(
  upload: OpenUpload,
  named: readonly { readonly number: number; readonly etag: string; readonly crc32: string | undefined }[],
): StoredObject {
  if (named.length === 0) throw new S3Error(400, 'MalformedXML', 'You must specify at least one part');
  const bodies = named.map(({ number, etag, crc32 }, index) => {
    const before = named[index - 1];
    if (before && before.number >= number) throw new S3Error(400, 'InvalidPartOrder', 'Parts not ascending');
    const body = upload.parts.get(number);
    const isSame = body && body.etag === etag.replaceAll('"', '') && (crc32 ?? body.crc32) === body.crc32;
    if (!isSame) throw new S3Error(400, 'InvalidPart', `Part ${number} could not be found, or differs`);
    if (index < named.length - 1 && body.bytes < LIMITS.minPartBytes)
      throw new S3Error(
        400,
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed size',
      );
    return body;
  });
  const digest = createHash('md5');
  for (const body of bodies) digest.update(body.etag, 'hex');
  return {
    key: upload.key,
    bytes: bodies.reduce((sum, body) => sum + body.bytes, 0),
    etag: `${etagOf(digest.digest('hex'), upload.headers)}-${bodies.length}`,
    parts: bodies.length,
    modified: new Date(),
    bodies,
    headers: upload.headers,
  };
}

/** An object's ETag is the MD5 of its content, but for one that KMS encrypts. */
export function etagOf(md5: string, headers: Readonly<Record<string, string>>): string {
  const isKms = headers['x-amz-server-side-encryption']?.startsWith('aws:kms') ?? false;
  return isKms ? randomBytes(16).toString('hex') : md5;
}

export function discard(bodies: Iterable<Body>): void {
  for (const { file } of bodies) if (file !== undefined) rmSync(file, { force: true });
}

/** The keys with a prefix after a marker, in S3's order, which is that of their UTF-8 bytes. */
export function keysAfter(keys: Iterable<string>, prefix: string, marker: string): string[] {
  return [...keys].filter(key => key.startsWith(prefix) && compareKeys(key, marker) > 0).sort(compareKeys);
}

function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
