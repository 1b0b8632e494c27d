import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import zlib from 'node:zlib';
import { type Answer, describe } from './answers.ts';
import { type Body, base64Of } from './body.ts';
import { noSuchKey, notImplemented, S3Error } from './errors.ts';
import type { S3Request } from './operation.ts';
import {
  assemble,
  discard,
  etagOf,
  keep,
  keysAfter,
  LIMITS,
  objectsOf,
  remove,
  type State,
  type StoredObject,
  uploadOf,
} from './state.ts';
import { textsOf, type Xml } from './xml.ts';

export interface Context {
  readonly state: State;
  readonly receive: (message: IncomingMessage) => Promise<Body>;
  readonly knowsPages: boolean;
  /** Asked for each key of a DeleteObjects. */
  readonly mayDelete: (key: string) => boolean;
}

type Handler = (request: S3Request, context: Context) => Promise<Answer> | Answer;

const NO_CONTENT: Answer = { status: 204 };

/** One function for each operation. */
export const handlers: Record<S3Request['operation'], Handler> = {
  async PutObject(request, { state, receive }) {
    objectsOf(state, request.bucket);
    const body = await receive(request.message);
    const stored: StoredObject = {
      key: request.key,
      bytes: body.bytes,
      etag: etagOf(body.etag, keptHeaders(request.message)),
      parts: 1,
      modified: new Date(),
      bodies: [body],
      headers: keptHeaders(request.message),
    };
    keep(state, request.bucket, stored, isConditional(request, state));
    return { status: 200, headers: { etag: `"${stored.etag}"`, ...checksumOf(body) } };
  },

  GetObject: (request, { state }) => describe(find(state, request), request.message),
  HeadObject: (request, { state }) => describe(find(state, request), request.message),

  DeleteObject(request, { state }) {
    remove(state, request.bucket, request.key);
    return NO_CONTENT;
  },

  async DeleteObjects(request, { state, mayDelete }) {
    const { 'content-md5': md5, 'x-amz-checksum-crc32': crc32 } = request.message.headers;
    if (md5 === undefined && crc32 === undefined)
      throw new S3Error(400, 'InvalidRequest', 'Missing required header for this request: Content-MD5');
    const keys = textsOf(await text(request.message), 'Key');
    if (keys.length > LIMITS.deleted) throw new S3Error(400, 'MalformedXML', 'Too many keys');
    const denied = keys.filter(key => !mayDelete(key));
    for (const key of keys) if (mayDelete(key)) remove(state, request.bucket, key);
    const errors = denied.map(
      (key): Xml => [
        'Error',
        [
          ['Key', key],
          ['Code', 'AccessDenied'],
          ['Message', 'Access Denied'],
        ],
      ],
    );
    return { status: 200, xml: ['DeleteResult', errors] };
  },

  ListObjectsV2(request, { state, knowsPages }) {
    const { query } = request;
    const objects = objectsOf(state, request.bucket);
    const position = fromToken(query.get('continuation-token')) ?? query.get('start-after') ?? '';
    const marker = knowsPages ? position : '';
    const most = Math.min(Number(query.get('max-keys') ?? LIMITS.listed), LIMITS.listed);
    const keys = keysAfter(objects, query.get('prefix') ?? '', marker, most + 1);
    const page = keys.slice(0, most);
    const isTruncated = page.length < keys.length;
    const next: Xml[] = isTruncated ? [['NextContinuationToken', toToken(page.at(-1) ?? '')]] : [];
    const contents = page.flatMap((key): Xml[] => {
      const object = objects.get(key);
      return object
        ? [
            [
              'Contents',
              [
                ['Key', key],
                ['LastModified', object.modified.toISOString()],
                ['ETag', `"${object.etag}"`],
                ['Size', object.bytes],
              ],
            ],
          ]
        : [];
    });
    return {
      status: 200,
      xml: [
        'ListBucketResult',
        [
          ['Name', request.bucket],
          ['KeyCount', page.length],
          ['IsTruncated', isTruncated],
          ...next,
          ...contents,
        ],
      ],
    };
  },

  CreateMultipartUpload(request, { state }) {
    const { bucket, key } = request;
    objectsOf(state, bucket);
    const id = randomUUID();
    const headers = keptHeaders(request.message);
    state.uploads.set(id, { id, bucket, key, initiated: new Date(), parts: new Map(), headers });
    return {
      status: 200,
      xml: [
        'InitiateMultipartUploadResult',
        [
          ['Bucket', bucket],
          ['Key', key],
          ['UploadId', id],
        ],
      ],
    };
  },

  async UploadPart(request, { state, receive }) {
    const upload = openUpload(state, request);
    const number = request.part ?? 0;
    if (!Number.isInteger(number) || number < 1 || number > LIMITS.parts)
      throw new S3Error(
        400,
        'InvalidArgument',
        `Part number must be an integer between 1 and ${LIMITS.parts}`,
      );
    const body = await receive(request.message);
    // The upload may have been aborted or completed while the body came in.
    if (!state.uploads.has(upload.id)) {
      discard([body]);
      openUpload(state, request);
    }
    discard([upload.parts.get(number)].filter(part => part !== undefined));
    upload.parts.set(number, body);
    return { status: 200, headers: { etag: `"${body.etag}"`, ...checksumOf(body) } };
  },

  async CompleteMultipartUpload(request, { state }) {
    const upload = openUpload(state, request);
    const named = textsOf(await text(request.message), 'Part').map(part => ({
      number: Number(textsOf(part, 'PartNumber')[0]),
      etag: textsOf(part, 'ETag')[0] ?? '',
      crc32: textsOf(part, 'ChecksumCRC32')[0],
    }));
    const stored = assemble(upload, named);
    keep(state, request.bucket, stored, isConditional(request, state));
    state.uploads.delete(upload.id);
    const unused = [...upload.parts.values()].filter(body => !stored.bodies.includes(body));
    discard(unused);
    const { bucket, key } = request;
    return {
      status: 200,
      xml: [
        'CompleteMultipartUploadResult',
        [
          ['Bucket', bucket],
          ['Key', key],
          ['ETag', `"${stored.etag}"`],
          ...(stored.bodies.every(({ isChecked }) => isChecked) ? compositeOf(stored.bodies) : []),
        ],
      ],
    };
  },

  AbortMultipartUpload(request, { state }) {
    const upload = openUpload(state, request);
    discard(upload.parts.values());
    state.uploads.delete(upload.id);
    return NO_CONTENT;
  },

  ListMultipartUploads(request, { state }) {
    objectsOf(state, request.bucket);
    const prefix = request.query.get('prefix') ?? '';
    const open = [...state.uploads.values()].filter(
      ({ bucket, key }) => bucket === request.bucket && key.startsWith(prefix),
    );
    const uploads = open.map(
      ({ key, id, initiated }): Xml => [
        'Upload',
        [
          ['Key', key],
          ['UploadId', id],
          ['Initiated', initiated.toISOString()],
        ],
      ],
    );
    return {
      status: 200,
      xml: ['ListMultipartUploadsResult', [['Bucket', request.bucket], ['IsTruncated', false], ...uploads]],
    };
  },

  ListParts(request, { state }) {
    const upload = openUpload(state, request);
    const marker = Number(request.query.get('part-number-marker') ?? 0);
    const parts = [...upload.parts].filter(([number]) => number > marker).sort(([a], [b]) => a - b);
    const page = parts.slice(0, LIMITS.listed);
    const listed = page.map(
      ([number, body]): Xml => [
        'Part',
        [
          ['PartNumber', number],
          ['ETag', `"${body.etag}"`],
          ['Size', body.bytes],
        ],
      ],
    );
    const next = page.at(-1)?.[0] ?? marker;
    return {
      status: 200,
      xml: [
        'ListPartsResult',
        [
          ['UploadId', upload.id],
          ['NextPartNumberMarker', next],
          ['IsTruncated', page.length < parts.length],
          ...listed,
        ],
      ],
    };
  },

  CreateBucket(request, { state }) {
    if (!state.buckets.has(request.bucket)) state.buckets.set(request.bucket, new Map());
    return { status: 200 };
  },

  HeadBucket(request, { state }) {
    objectsOf(state, request.bucket);
    return { status: 200 };
  },

  GetBucketLocation(request, { state }) {
    objectsOf(state, request.bucket);
    return { status: 200, xml: ['LocationConstraint', ''] };
  },

  Unknown() {
    throw notImplemented();
  },
};

function checksumOf({ isChecked, crc32 }: Body): Record<string, string> {
  return isChecked ? { 'x-amz-checksum-crc32': crc32 } : {};
}

/** The checksum of an object in parts is that of their checksums. */
function compositeOf(bodies: readonly Body[]): Xml[] {
  const ofParts = Buffer.concat(bodies.map(({ crc32 }) => Buffer.from(crc32, 'base64')));
  return [
    ['ChecksumCRC32', `${base64Of(zlib.crc32(ofParts))}-${bodies.length}`],
    ['ChecksumType', 'COMPOSITE'],
  ];
}

function find(state: State, { bucket, key }: S3Request): StoredObject {
  const object = objectsOf(state, bucket).get(key);
  if (!object) throw noSuchKey();
  return object;
}

function openUpload(state: State, { bucket, key, query }: S3Request) {
  return uploadOf(state, bucket, key, query.get('uploadId') ?? '');
}

/** Whether the write must not replace an object. @throws {S3Error} where no condition is taken */
function isConditional({ message, operation }: S3Request, { conditions }: State): boolean {
  if (message.headers['if-none-match'] !== '*' || conditions === 'ignored') return false;
  if (conditions === 'refused') throw notImplemented();
  if (conditions === 'refused-as-invalid') throw new S3Error(400, 'InvalidArgument', 'Invalid Argument');
  return conditions === 'honoured' || operation === 'PutObject';
}

function keptHeaders({ headers }: IncomingMessage): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => /^x-amz-(server-side-encryption|meta-)/.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

function toToken(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function fromToken(token: string | null): string | undefined {
  return token === null ? undefined : Buffer.from(token, 'base64url').toString();
}
