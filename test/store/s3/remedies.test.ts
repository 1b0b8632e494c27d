import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { type FaultRule, type S3ServerOptions, startS3Server } from '../../support/s3-server.ts';
import { bytesOf, inChunks } from '../archives.ts';
import { type OpenOptions, openTestStore } from './support.ts';

const signal = new AbortController().signal;
const body = bytesOf(10);
const OWNER = '123456789012';
const KMS = { algorithm: 'aws:kms', kmsKeyId: undefined } as const;
const HEADER = 'A header you provided implies functionality that is not implemented';

const acts = {
  put: store => store.put('a', body, { signal }),
  claim: store => store.put('a', body, { signal, ifAbsent: true }),
  archive: store => store.store('a', inChunks(body, 100), { signal, stallMs: 20_000, ifAbsent: false }),
  read: store => store.get('a', signal),
  delete: store => store.delete(['a'], signal),
  look: store => store.exists('a', signal),
  list: async store => {
    for await (const _ of store.list('', signal)) return;
  },
} satisfies Record<string, (store: Store) => Promise<unknown>>;

type Act = keyof typeof acts;

interface Row {
  readonly answer: string;
  readonly act: Act;
  readonly rule?: Omit<FaultRule, 'do'> & Partial<Pick<FaultRule, 'do'>>;
  readonly server?: S3ServerOptions;
  readonly options?: OpenOptions;
  readonly says: RegExp;
  readonly remedy: RegExp;
}

/** What stores answer, and the sentence for it. */
const TABLE: readonly Row[] = [
  {
    answer: 'no such bucket',
    act: 'put',
    options: { bucket: 'nowhere' },
    says: /NoSuchBucket/,
    remedy: /^Create the bucket, or correct its name in SESSION_DESTINATION\.$/,
  },
  {
    answer: 'a name that no bucket can have',
    act: 'put',
    rule: { status: 400, code: 'InvalidBucketName' },
    says: /InvalidBucketName/,
    remedy: /^Correct the name of the bucket/,
  },
  {
    answer: 'no right to write',
    act: 'put',
    rule: { do: 'deny' },
    says: /AccessDenied/,
    remedy:
      /^Allow s3:PutObject on arn:aws:s3:::bucket\/some\/prefix\/\* \(and the use of its KMS key, if it has one\)\.$/,
  },
  {
    answer: 'no right to delete',
    act: 'delete',
    rule: { do: 'deny' },
    says: /AccessDenied/,
    remedy:
      /^Allow s3:DeleteObject on arn:aws:s3:::bucket\/some\/prefix\/\*: saving works without it, but journals stay\.$/,
  },
  {
    answer: 'no right to read',
    act: 'read',
    rule: { do: 'deny' },
    says: /AccessDenied/,
    remedy: /^Allow s3:GetObject on arn:aws:s3:::bucket\/some\/prefix\/\*\.$/,
  },
  {
    answer: 'no right to list',
    act: 'list',
    rule: { do: 'deny' },
    says: /AccessDenied/,
    remedy: /^Allow s3:ListBucket on arn:aws:s3:::bucket\.$/,
  },
  {
    answer: 'a denial where an owner is expected',
    act: 'put',
    server: { owner: '999999999999' },
    options: { s3: { expectedOwner: OWNER } },
    says: /AccessDenied/,
    remedy: /SESSION_S3_EXPECTED_OWNER is the owner/,
  },
  {
    answer: '501 to an encryption',
    act: 'put',
    rule: { status: 501, code: 'NotImplemented', text: HEADER },
    options: { s3: { encryption: KMS } },
    says: /NotImplemented/,
    remedy: /^Unset SESSION_S3_SSE/,
  },
  {
    answer: '400 to an encryption, as MinIO does',
    act: 'archive',
    rule: { status: 400, code: 'InvalidRequest', text: 'KMS is not configured' },
    options: { s3: { encryption: KMS } },
    says: /KMS is not configured/,
    remedy: /^Unset SESSION_S3_SSE/,
  },
  {
    answer: '501 to a write, which brings nothing but checksums',
    act: 'put',
    rule: { status: 501, code: 'NotImplemented', text: HEADER },
    says: /NotImplemented/,
    remedy: /AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED/,
  },
  {
    answer: '400 to a checksum',
    act: 'archive',
    rule: { status: 400, code: 'InvalidRequest', text: 'x-amz-checksum-crc32 is no header' },
    says: /InvalidRequest/,
    remedy: /AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED/,
  },
  {
    answer: '501 to a condition',
    act: 'claim',
    server: { conditions: 'refused' },
    says: /NotImplemented/,
    remedy: /no If-None-Match/,
  },
  {
    answer: '501 to what no header is to blame for',
    act: 'list',
    rule: { status: 501, code: 'NotImplemented', text: HEADER },
    says: /NotImplemented/,
    remedy: /^Give a store that knows ListObjectsV2: this one does not\.$/,
  },
  {
    answer: 'an access key that it does not know',
    act: 'put',
    server: { accessKeys: ['OTHER'] },
    says: /InvalidAccessKeyId/,
    remedy: /^Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
  },
  {
    answer: 'a secret that is wrong',
    act: 'put',
    rule: { status: 403, code: 'SignatureDoesNotMatch' },
    says: /SignatureDoesNotMatch/,
    remedy: /^Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
  },
  {
    answer: 'a token that has expired',
    act: 'put',
    rule: { do: 'expired-token' },
    options: { env: { AWS_SESSION_TOKEN: 'old' } },
    says: /ExpiredToken/,
    remedy: /^Give credentials that have not expired/,
  },
  {
    answer: 'a clock that is off, by one whose Date is not',
    act: 'put',
    rule: { status: 403, code: 'RequestTimeTooSkewed' },
    says: /RequestTimeTooSkewed/,
    remedy: /^Set this machine's clock/,
  },
  {
    answer: 'a region that it does not name',
    act: 'put',
    rule: { status: 301, code: 'PermanentRedirect' },
    says: /PermanentRedirect/,
    remedy: /^Set AWS_REGION to the region of the bucket bucket\.$/,
  },
  {
    answer: 'a redirect to somewhere else',
    act: 'put',
    rule: { status: 302, code: 'Found', headers: { location: 'https://s3.example/bucket' } },
    says: /Found/,
    remedy: /^Set AWS_ENDPOINT_URL_S3 to where it redirects to, https:\/\/s3\.example\.$/,
  },
  {
    answer: 'the page of a gateway',
    act: 'put',
    rule: { do: 'page', status: 403 },
    says: /HTTP 403, with what is no answer of an S3/,
    remedy: /^Correct the scheme, host and port of AWS_ENDPOINT_URL_S3/,
  },
  {
    answer: 'a text with line breaks',
    act: 'put',
    rule: { status: 400, code: 'InvalidRequest', text: 'one\r\n  two\n' },
    says: /InvalidRequest: one two$/,
    remedy: /^See the error of the store/,
  },
];

test.for(TABLE)('$answer: $remedy', async ({ act, rule, server: serverOptions, options, says, remedy }) => {
  const faults = rule === undefined ? [] : [{ do: 'error', ...rule } as const];
  const server = await startS3Server({ ...serverOptions, faults });
  onTestFinished(() => server.close());
  await expectRefusal(server.url, act, { says, remedy }, options);
});

async function expectRefusal(
  url: string,
  act: Act,
  { says, remedy }: Pick<Row, 'says' | 'remedy'>,
  options: OpenOptions = {},
): Promise<void> {
  const store = await openTestStore(url, options);
  onTestFinished(() => store.close());
  const error = await acts[act](store).catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    message: expect.stringMatching(says),
    remedy: expect.stringMatching(remedy),
  });
  expect(String(error)).not.toMatch(/[\r\n]|verysecret/);
}

test('https on a plain port: to be written without TLS', async () => {
  const server = await startS3Server();
  onTestFinished(() => server.close());
  await expectRefusal(server.url.replace('http:', 'https:'), 'look', {
    says: /asked by https, and answers without TLS$/,
    remedy: /^Write http:\/\/ in AWS_ENDPOINT_URL_S3/,
  });
});

test('http on a port of TLS: to be written with it', async () => {
  const fatalAlert = Buffer.from([0x15, 3, 1, 0, 2, 2, 0x16]);
  const server = net.createServer(socket => {
    socket.on('error', () => undefined);
    socket.end(fatalAlert);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  await expectRefusal(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'look', {
    says: /Parse Error/,
    remedy: /^Write https:\/\/ in AWS_ENDPOINT_URL_S3/,
  });
});

test.for([
  [
    'no right to abort',
    { match: { operation: 'AbortMultipartUpload' }, do: 'deny' },
    {
      state: 'ok',
      notice: expect.stringMatching(
        /Allow s3:AbortMultipartUpload on .*: without it the parts of an upload that fails stay, and are paid for\.$/,
      ),
    },
  ],
  [
    'none to start',
    { match: { operation: 'CreateMultipartUpload' }, do: 'deny' },
    { state: 'denied', remedy: expect.stringMatching(/^Allow s3:PutObject on/) },
  ],
] as const)('the check finds %s', async ([, rule, result]) => {
  const server = await startS3Server({ faults: [rule] });
  onTestFinished(() => server.close());
  const store = await openTestStore(server.url);
  onTestFinished(() => store.close());
  expect(await store.check(signal)).toMatchObject(result);
});

test.for([
  ['heeds', OWNER, { state: 'ok' }],
  [
    'ignores',
    undefined,
    { state: 'denied', remedy: expect.stringMatching(/^Unset SESSION_S3_EXPECTED_OWNER/) },
  ],
] as const)('the check finds that a store %s the expected owner', async ([, owner, found]) => {
  const server = await startS3Server(owner === undefined ? {} : { owner });
  onTestFinished(() => server.close());
  const store = await openTestStore(server.url, { s3: { expectedOwner: OWNER } });
  onTestFinished(() => store.close());
  expect(await store.check(signal)).toMatchObject(found);
  expect(server.uploads()).toEqual([]);
});
