import { expect, onTestFinished, test } from 'vitest';
import { PermanentError } from '../../src/store/store.ts';
import { type OpenOptions, openTestStore } from '../store/s3/support.ts';
import type { RealStore } from './start/store.ts';
import { awsVariables, createBucket, type TestBucket } from './support.ts';

const signal = new AbortController().signal;

async function open(bucket: TestBucket, options: OpenOptions = {}, account = bucket.store.owner) {
  const { url } = bucket.store;
  const env = { ...awsVariables(url, account), ...options.env };
  const store = await openTestStore(url, { bucket: bucket.name, ...options, env });
  onTestFinished(() => store.close());
  return store;
}

const KINDS: readonly RealStore['kind'][] = ['ceph', 'swift'];

test.for(KINDS)(
  'an encryption that %s does not have is told by the variable that asks for it',
  async kind => {
    const encryption = { algorithm: 'AES256', kmsKeyId: undefined } as const;
    const store = await open(await createBucket(kind), { s3: { encryption } });
    const check = await store.check(signal);
    expect(check).toMatchObject({ state: 'denied', remedy: expect.stringContaining('SESSION_S3_SSE') });
  },
);

test.for(KINDS)('https where %s speaks http is told in one line', async kind => {
  const bucket = await createBucket(kind);
  const url = bucket.store.url.replace('http:', 'https:');
  const store = await open(bucket, { env: { AWS_ENDPOINT_URL_S3: url } });
  const check = await store.check(signal);
  expect(JSON.stringify(check)).not.toMatch(/\\n/);
  expect(JSON.stringify(check)).toContain('AWS_ENDPOINT_URL_S3');
});

test('a condition that Swift refuses is not put down to checksums', async () => {
  const store = await open(await createBucket('swift'));
  const error = await store
    .put('x', Buffer.from('x'), { signal, ifAbsent: true })
    .catch((why: unknown) => why);
  expect(error).toBeInstanceOf(PermanentError);
  expect((error as PermanentError).remedy).not.toContain('CHECKSUM');
});

test('a deletion that Ceph denies is told by the right to delete', async () => {
  const bucket = await createBucket('ceph');
  await bucket.admitSession('s3:PutObject', 's3:ListBucket');
  const store = await open(bucket, {}, bucket.store.session);
  await store.put('x', Buffer.from('x'), { signal });
  const error = await store.delete(['x'], signal).catch((why: unknown) => why);
  expect(error).toMatchObject({ remedy: expect.stringContaining('s3:DeleteObject') });
});
