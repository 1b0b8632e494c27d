/** @module-tag slow */

import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { RetryEvent } from '../../../src/store/retry.ts';
import { AlreadyExistsError, type Store } from '../../../src/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { type FaultRule, type S3Server, startS3Server } from '../../support/s3-server.ts';
import { bytesOf, digestOf, digestOfBytes, inChunks } from '../archives.ts';
import { CHUNK, CREATING, KINDS, KMS, large, small } from './archive-kinds.ts';
import { openTestStore } from './support.ts';

const RUN = '5f0c6a52-6d2a-4a39-9f3c-0f4d1f0f8f11';
const signal = new AbortController().signal;

describe('what becomes of an archive is found out before anything is sent again', () => {
  let server: S3Server;
  let store: Store;
  let retries: RetryEvent[];

  beforeEach(async () => {
    retries = [];
    server = await startS3Server();
    store = await open();
  });
  afterEach(async () => {
    store.close();
    await server.close();
  });

  function open(options = {}): Promise<Store> {
    return openTestStore(server.url, {
      prefix: '',
      run: RUN,
      onRetry: event => void retries.push(event),
      ...options,
    });
  }

  function save(archive: Buffer, stallMs = 8_000, by = store) {
    return by.store('logs.tar.gz', inChunks(archive, CHUNK), { signal, stallMs });
  }

  /** The archive is there, and every byte of it was sent once. */
  async function expectSentOnce(archive: Buffer): Promise<void> {
    expect(await digestOf(await store.get('logs.tar.gz', signal))).toBe(digestOfBytes(archive));
    expect(server.objects()).toHaveLength(1);
    expect(server.uploads()).toEqual([]);
    const { PutObject = 0, UploadPart = 0 } = server.counts;
    expect(PutObject + UploadPart).toBe(archive === small ? 1 : 3);
  }

  test.for(KINDS)('one that is %s is found although every answer is lost', async ([, archive]) => {
    server.setFaults([{ match: { operation: CREATING }, do: 'reset-after-commit' }]);
    expect(await save(archive)).toMatchObject({ bytes: archive.length, verified: true });
    await expectSentOnce(archive);
    expect(server.counts.CompleteMultipartUpload ?? 1).toBe(1);
  });

  test.for(KINDS)('one that is %s is found when KMS makes its ETag', async ([, archive]) => {
    const encrypting = await open({ s3: KMS });
    onTestFinished(() => encrypting.close());
    server.setFaults([{ match: { operation: CREATING, nth: 1 }, do: '500-after-commit' }]);
    expect(await save(archive, 8_000, encrypting)).toMatchObject({ verified: true });
    await expectSentOnce(archive);
    expect(server.counts.AbortMultipartUpload).toBeUndefined();
  });

  test.for(KINDS)('one that is %s is saved although its answer is slow', async ([, archive]) => {
    // A try waits for a quarter of the stall time at first.
    server.setFaults([{ match: { operation: CREATING }, do: 'late-answer', delayMs: 60_000 }]);
    expect(await save(archive)).toMatchObject({ verified: true });
    await expectSentOnce(archive);
  });

  test.for(KINDS)('a HEAD that comes late is waited for, of one that is %s', async ([, archive]) => {
    server.setFaults([
      { match: { operation: CREATING, nth: 1 }, do: 'reset-after-commit' },
      { match: { operation: 'HeadObject', upTo: 3 }, do: 'error', status: 404, code: 'NoSuchKey' },
    ]);
    expect(await save(archive)).toMatchObject({ verified: true });
    await expectSentOnce(archive);
  });

  test.for<[string, FaultRule]>([
    ['none', { do: 'error', status: 404, code: 'NoSuchKey' }],
    ['another size', { do: 'error', status: 200, headers: { 'content-length': '7' } }],
  ])('a HEAD that tells %s at first does no harm', async ([, rule]) => {
    server.setFaults([{ ...rule, match: { operation: 'HeadObject', upTo: 3 } }]);
    expect(await save(large)).toMatchObject({ bytes: large.length, verified: true });
    await expectSentOnce(large);
  });

  test.for(KINDS)('a HEAD without Content-Length is no damage to one that is %s', async ([, archive]) => {
    server.setFaults([{ match: { operation: 'HeadObject' }, do: 'no-length' }]);
    expect(await save(archive)).toMatchObject({ bytes: archive.length, verified: true });
    await expectSentOnce(archive);
  });

  test('without Content-Length, with an ETag of KMS and no checksum the size is not verified', async () => {
    const encrypting = await open({ s3: KMS });
    onTestFinished(() => encrypting.close());
    server.setFaults([
      { match: { operation: 'HeadObject' }, do: 'no-length' },
      { match: { operation: 'PutObject' }, do: 'no-checksum' },
    ]);
    expect(await save(small, 2_000, encrypting)).toMatchObject({ verified: false });
    await expectSentOnce(small);
  });

  test('a size that stays another one is told with both numbers', async () => {
    const rule = { do: 'error', status: 200, headers: { 'content-length': '7' } } as const;
    server.setFaults([{ match: { operation: 'HeadObject' }, ...rule }]);
    await expect(save(small, 2_000)).rejects.toThrow('the store took 1000 bytes, but has 7 bytes');
    expect(server.counts.HeadObject).toBeGreaterThan(1);
  });

  test('somebody else’s archive in its place, right after, is not taken for it', async () => {
    const other = await open({ run: 'another' });
    onTestFinished(() => other.close());
    server.setFaults([{ match: { operation: 'HeadObject', nth: 1 }, do: 'hold' }]);
    const saving = save(small, 4_000).catch((error: unknown) => error);
    await eventually(() => server.counts.HeadObject);
    const theirs = bytesOf(small.length, 2);
    const options = { signal, stallMs: 3_000, ifAbsent: false };
    await other.store('logs.tar.gz', inChunks(theirs, CHUNK), options);
    server.setFaults([]);
    expect(await saving).toBeInstanceOf(AlreadyExistsError);
    expect(await digestOf(await store.get('logs.tar.gz', signal))).toBe(digestOfBytes(theirs));
  });
});

describe('a completion', () => {
  let server: S3Server;
  let store: Store;
  let retries: RetryEvent[];

  beforeEach(async () => {
    retries = [];
    server = await startS3Server();
    store = await openTestStore(server.url, { prefix: '', onRetry: event => void retries.push(event) });
  });
  afterEach(async () => {
    store.close();
    await server.close();
  });

  const save = (stallMs: number) => store.store('logs.tar.gz', inChunks(large, CHUNK), { signal, stallMs });

  test('may take as long as white space comes', { tags: ['slow'] }, async () => {
    server.setFaults([
      { match: { operation: 'CompleteMultipartUpload' }, do: 'white-space', delayMs: 5_000 },
      // Else its object would be found before its answer comes.
      { match: { operation: 'HeadObject' }, do: 'deny' },
    ]);
    expect(await save(4_000)).toMatchObject({ bytes: large.length, verified: true });
    expect(server.counts).toMatchObject({ UploadPart: 3, CompleteMultipartUpload: 1 });
    expect(retries).toEqual([]);
  });

  test.for<[string, string]>([
    ['an error', ''],
    ['an error and a line break, which the SDK takes for success,', '\n'],
  ])('is repeated after a 200 with %s in it, and no part is sent again', async ([, end]) => {
    const rule = { do: 'white-space', delayMs: 100, code: 'InternalError', end } as const;
    server.setFaults([{ match: { operation: 'CompleteMultipartUpload', upTo: 2 }, ...rule }]);
    expect(await save(8_000)).toMatchObject({ verified: true });
    expect(server.counts).toMatchObject({
      CreateMultipartUpload: 1,
      UploadPart: 3,
      CompleteMultipartUpload: 3,
    });
    expect(retries).toMatchObject([{ request: 'complete upload of logs.tar.gz' }, {}]);
  });

  test('that is silent is looked for, and not awaited any more once its object is there', async () => {
    server.setFaults([
      { match: { operation: 'CompleteMultipartUpload' }, do: 'late-answer', delayMs: 60_000 },
    ]);
    expect(await save(4_000)).toMatchObject({ verified: true });
    expect(server.counts).toMatchObject({ UploadPart: 3, CompleteMultipartUpload: 1 });
  });
});

test('a part that is answered slowly is given more time', { tags: ['slow'] }, async () => {
  const server = await startS3Server({
    faults: [{ match: { operation: 'UploadPart' }, do: 'late-answer', delayMs: 1_300 }],
  });
  onTestFinished(() => server.close());
  const store = await openTestStore(server.url, { prefix: '' });
  onTestFinished(() => store.close());
  // A try waits for a second at first.
  await store.store('logs.tar.gz', inChunks(large, CHUNK), { signal, stallMs: 4_000 });
  expect(server.objects()).toMatchObject([{ bytes: large.length }]);
});

test('an abort ends the requests that are under way, and the upload, within a second', async () => {
  const server = await startS3Server({
    faults: [{ match: { operation: 'UploadPart' }, do: 'late-answer', delayMs: 60_000 }],
  });
  onTestFinished(() => server.close());
  const store = await openTestStore(server.url, { prefix: '' });
  onTestFinished(() => store.close());
  const abort = new AbortController();
  const saving = store.store('logs.tar.gz', inChunks(large, CHUNK), {
    signal: abort.signal,
    stallMs: 60_000,
  });
  await eventually(() => server.counts.UploadPart === 3);
  const abortedAtMs = Date.now();
  abort.abort(new Error('the deadline'));
  await expect(saving).rejects.toThrow('the deadline');
  const parts = server.requests.filter(({ operation }) => operation === 'UploadPart');
  await eventually(() => parts.every(({ isCutOff }) => isCutOff) && server.uploads().length === 0);
  expect(Date.now() - abortedAtMs).toBeLessThan(1_000);
});
