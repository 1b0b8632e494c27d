import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { clientOf, type TestBucket } from './support.ts';

/** Something that stores do in different ways: a row of docs/stores.md. */
export interface Fact {
  readonly name: string;
  /** Finds out what a store does, without the product. @returns the cell of the table */
  measure(bucket: TestBucket): Promise<string>;
}

const MiB = 1024 * 1024;
const WRONG_CRC32 = 'AAAAAA==';

export const FACTS: readonly Fact[] = [
  {
    name: 'conditional PutObject',
    async measure({ client, name }) {
      const put = new PutObjectCommand({ Bucket: name, Key: 'key', Body: 'body', IfNoneMatch: '*' });
      const first = await answerOf(client.send(put));
      return first === TAKEN ? conditionOf(await answerOf(client.send(put))) : first;
    },
  },
  {
    name: 'conditional CompleteMultipartUpload',
    async measure(bucket) {
      await putObject(bucket, 'key');
      return conditionOf(await answerOf(sendInParts(bucket, 'key', [1], { IfNoneMatch: '*' })));
    },
  },
  {
    name: 'HeadObject',
    async measure(bucket) {
      await putObject(bucket, 'whole');
      await sendInParts(bucket, 'parts', [10]);
      const found = new Set<string>();
      for (const [key, bytes] of [
        ['whole', 4],
        ['parts', 10],
      ] as const) {
        const head = await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key: key }));
        const has = { size: head.ContentLength === bytes, ETag: head.ETag, metadata: head.Metadata?.run };
        for (const [what, value] of Object.entries(has)) found.add(value ? what : `no ${what}`);
      }
      return [...found].join(', ');
    },
  },
  {
    name: 'listing right after writing',
    async measure(bucket) {
      let missing = 0;
      for (let n = 0; n < 20; n += 1) {
        await putObject(bucket, `key-${n}`);
        const list = new ListObjectsV2Command({ Bucket: bucket.name, Prefix: `key-${n}` });
        const { Contents = [] } = await bucket.client.send(list);
        if (!Contents.some(({ Key }) => Key === `key-${n}`)) missing += 1;
      }
      return missing === 0 ? 'complete' : `${missing} of 20 missing`;
    },
  },
  {
    name: 'ListMultipartUploads',
    async measure(bucket) {
      const { UploadId, Key } = await createUpload(bucket, 'key');
      const { Uploads = [] } = await bucket.client.send(
        new ListMultipartUploadsCommand({ Bucket: bucket.name, Prefix: 'k' }),
      );
      const isListed = Uploads.some(upload => upload.UploadId === UploadId && upload.Key === Key);
      return isListed ? 'complete' : 'missing';
    },
  },
  {
    name: 'AbortMultipartUpload',
    async measure(bucket) {
      const { client } = bucket;
      const upload = await createUpload(bucket, 'key');
      await uploadPart(bucket, upload, 1, Buffer.alloc(10));
      const abort = () => answerOf(client.send(new AbortMultipartUploadCommand(upload)));
      const first = await abort();
      if (first !== TAKEN) return first;
      const part = await answerOf(uploadPart(bucket, upload, 2, Buffer.alloc(10)));
      const left = (await bucket.uploads()).length;
      return left > 0 || part === TAKEN ? 'leaves parts' : `ends it; again: ${await abort()}`;
    },
  },
  {
    name: 'CompleteMultipartUpload again',
    async measure(bucket) {
      const upload = await createUpload(bucket, 'key');
      const part = await uploadPart(bucket, upload, 1, Buffer.alloc(10));
      await completeUpload(bucket, upload, [part]);
      return answerOf(completeUpload(bucket, upload, [part]));
    },
  },
  {
    name: 'ETag of an object in parts',
    async measure(bucket) {
      await sendInParts(bucket, 'key', [5 * MiB, 1]);
      const head = await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key: 'key' }));
      const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest();
      const expected = md5(Buffer.concat([md5(Buffer.alloc(5 * MiB)), md5(Buffer.alloc(1))])).toString('hex');
      return head.ETag === `"${expected}-2"` ? "MD5 of the parts' MD5s" : 'of its own';
    },
  },
  {
    name: 'smallest part',
    async measure(bucket) {
      const answer = await answerOf(sendInParts(bucket, 'key', [5 * MiB - 1, 1]));
      if (answer === TAKEN) return 'any';
      await sendInParts(bucket, 'key', [5 * MiB, 1]);
      return `5 MiB (${answer})`;
    },
  },
  {
    name: 'parts of different sizes',
    measure: bucket => answerOf(sendInParts(bucket, 'key', [6 * MiB, 5 * MiB, 7 * MiB, 1])),
  },
  {
    name: 'wrong CRC32',
    async measure(bucket) {
      const { client, name } = bucket;
      const put = new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'body', ChecksumCRC32: WRONG_CRC32 });
      const whole = await answerOf(client.send(put));
      const upload = await createUpload(bucket, 'key', { ChecksumAlgorithm: 'CRC32' });
      const wrong = { ChecksumCRC32: WRONG_CRC32 };
      const part = await answerOf(uploadPart(bucket, upload, 1, Buffer.from('body'), wrong));
      if (whole !== part) return `PutObject: ${whole}; UploadPart: ${part}`;
      return whole === TAKEN ? 'ignored' : whole;
    },
  },
  {
    name: 'wrong SHA-256 of the body',
    async measure({ client, name }) {
      const put = new PutObjectCommand({ Bucket: name, Key: 'key', Body: 'body' });
      put.middlewareStack.add(
        next => args => {
          const { request } = args as { request: { headers: Record<string, string> } };
          request.headers['x-amz-content-sha256'] = createHash('sha256').update('other').digest('hex');
          return next(args);
        },
        { step: 'build', priority: 'low' },
      );
      const answer = await answerOf(client.send(put));
      return answer === TAKEN ? 'ignored' : answer;
    },
  },
  {
    name: 'GetObject from a position, if unchanged',
    async measure(bucket) {
      await putObject(bucket, 'key');
      const { client, name } = bucket;
      const get = (IfMatch: string) =>
        client.send(new GetObjectCommand({ Bucket: name, Key: 'key', Range: 'bytes=1-', IfMatch }));
      const etag = `"${createHash('md5').update('body').digest('hex')}"`;
      const { Body, ContentRange } = await get(etag);
      if (ContentRange !== 'bytes 1-3/4' || (await Body?.transformToString()) !== 'ody') return 'ignored';
      return `the rest; changed: ${await answerOf(get('"0123456789abcdef0123456789abcdef"'))}`;
    },
  },
  {
    name: 'DeleteObjects with a CRC32',
    async measure(bucket) {
      await putObject(bucket, 'key');
      const Delete = { Objects: [{ Key: 'key' }, { Key: 'never-was' }] };
      const deletion = await answerOf(
        bucket.client.send(new DeleteObjectsCommand({ Bucket: bucket.name, Delete })),
      );
      if (deletion !== TAKEN) return deletion;
      return (await bucket.keys()).length === 0 ? TAKEN : 'left undone';
    },
  },
  {
    name: 'who may read',
    async measure(bucket) {
      const { store, client, name } = bucket;
      await bucket.admitSession();
      const session = clientOf(store.url, store.session);
      try {
        await session.send(new PutObjectCommand({ Bucket: name, Key: 'key', Body: 'body' }));
      } finally {
        session.destroy();
      }
      const answer = await answerOf(client.send(new GetObjectCommand({ Bucket: name, Key: 'key' })));
      return answer === TAKEN ? "the bucket's owner" : `only who wrote it (${answer})`;
    },
  },
  {
    name: 'expected owner',
    async measure({ client, name }) {
      const wrong = { ExpectedBucketOwner: '123456789012' };
      const answer = await answerOf(
        client.send(new PutObjectCommand({ Bucket: name, Key: 'key', Body: 'body', ...wrong })),
      );
      return answer === TAKEN ? 'ignored' : answer;
    },
  },
  {
    name: 'encryption AES256',
    async measure({ client, name }) {
      const encryption = { ServerSideEncryption: 'AES256' } as const;
      const put = new PutObjectCommand({ Bucket: name, Key: 'key', Body: 'body', ...encryption });
      let applied: string | undefined;
      const answer = await answerOf(
        client.send(put).then(output => {
          applied = output.ServerSideEncryption;
        }),
      );
      if (answer !== TAKEN) return answer;
      return applied === undefined ? 'ignored' : 'applied';
    },
  },
  {
    name: 'a clock that is off',
    async measure({ store, name }) {
      const answers: string[] = [];
      for (const minutes of [10, 20]) {
        const client = clientOf(store.url, store.owner, { systemClockOffset: minutes * 60_000 });
        const put = new PutObjectCommand({ Bucket: name, Key: 'key', Body: 'body' });
        answers.push(`${minutes} min: ${await answerOf(client.send(put))}`);
        client.destroy();
      }
      return answers.join('; ');
    },
  },
];

const TAKEN = 'taken';

/** Whether a request was taken, or how it was refused. */
async function answerOf(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return TAKEN;
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error;
    const status = error.$metadata.httpStatusCode;
    // A HEAD has no body to name the error.
    return error.name === 'Unknown' ? `${status}` : `${status} ${error.name}`;
  }
}

function conditionOf(answer: string): string {
  if (answer === TAKEN) return 'ignored';
  return answer.startsWith('412') ? 'honoured' : answer;
}

const METADATA = { Metadata: { run: '5f0c6a52' } };

async function putObject({ client, name }: TestBucket, key: string): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: 'body', ...METADATA }));
}

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

async function createUpload({ client, name }: TestBucket, key: string, fields: object = {}): Promise<Upload> {
  const target = { Bucket: name, Key: key };
  const create = new CreateMultipartUploadCommand({ ...target, ...METADATA, ...fields });
  const { UploadId } = await client.send(create);
  return { ...target, UploadId };
}

async function uploadPart(
  { client }: { readonly client: S3Client },
  upload: Upload,
  number: number,
  body: Buffer,
  fields: object = {},
) {
  const command = new UploadPartCommand({ ...upload, PartNumber: number, Body: body, ...fields });
  const { ETag } = await client.send(command);
  return { PartNumber: number, ETag };
}

function completeUpload(
  { client }: TestBucket,
  upload: Upload,
  parts: { PartNumber: number; ETag: string | undefined }[],
  fields: object = {},
): Promise<unknown> {
  const command = new CompleteMultipartUploadCommand({
    ...upload,
    MultipartUpload: { Parts: parts },
    ...fields,
  });
  return client.send(command);
}

/** Sends zeroes in parts of these sizes. */
async function sendInParts(
  bucket: TestBucket,
  key: string,
  sizes: readonly number[],
  fields: object = {},
): Promise<void> {
  const upload = await createUpload(bucket, key);
  const parts: Awaited<ReturnType<typeof uploadPart>>[] = [];
  for (const [index, bytes] of sizes.entries())
    parts.push(await uploadPart(bucket, upload, index + 1, Buffer.alloc(bytes)));
  await completeUpload(bucket, upload, parts, fields);
}
