import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import zlib from 'node:zlib';
import { type Body, base64Of } from './body.ts';
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
  readonly initiated: Date;
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
  else ORDERS.delete(objects);
  objects.set(object.key, object);
}

export function remove(state: State, bucket: string, key: string): void {
  const objects = objectsOf(state, bucket);
  discard(objects.get(key)?.bodies ?? []);
  if (objects.delete(key)) ORDERS.delete(objects);
}

/** An object that is there from the start. */
export interface GivenObject {
  readonly key: string;
  readonly body: Buffer;
  readonly modifiedMs: number;
}

export function give(objects: Map<string, StoredObject>, given: Iterable<GivenObject>): void {
  for (const { key, body, modifiedMs } of given) {
    const etag = createHash('md5').update(body).digest('hex');
    const crc32 = base64Of(zlib.crc32(body));
    const bodies = [{ file: undefined, data: body, bytes: body.length, etag, crc32, isChecked: true }];
    const modified = new Date(modifiedMs);
    objects.set(key, { key, bytes: body.length, etag, parts: 1, modified, bodies, headers: {} });
  }
  ORDERS.delete(objects);
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

/** The keys of a bucket in their order, until there is another one, or one less. */
const ORDERS = new WeakMap<ReadonlyMap<string, StoredObject>, readonly string[]>();

/** So many keys with a prefix after a marker, in S3's order, which is that of their UTF-8 bytes. */
export function keysAfter(
  objects: ReadonlyMap<string, StoredObject>,
  prefix: string,
  marker: string,
  count: number,
): string[] {
  const order = ORDERS.get(objects) ?? [...objects.keys()].sort(compareKeys);
  ORDERS.set(objects, order);
  const page: string[] = [];
  for (
    let at = firstFrom(order, compareKeys(prefix, marker) > 0 ? prefix : marker);
    at < order.length;
    at += 1
  ) {
    const key = order[at] ?? '';
    if (page.length === count || (!key.startsWith(prefix) && compareKeys(key, prefix) > 0)) break;
    if (key.startsWith(prefix) && compareKeys(key, marker) > 0) page.push(key);
  }
  return page;
}

/** Where in their order the first key is that is not before another. */
function firstFrom(order: readonly string[], key: string): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (compareKeys(order[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
