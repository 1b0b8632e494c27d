import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { RetryEvent } from '../../../src/store/retry.ts';
import { trackFurthest } from '../../../src/store/s3/objects.ts';
import { AlreadyExistsError, PermanentError, type Store } from '../../../src/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { type FaultRule, type S3Server, startS3Server } from '../../support/s3-server.ts';
import { bytesOf, digestOf, digestOfBytes, inChunks, thenIdle } from '../archives.ts';
import { openTestStore } from './support.ts';

const MiB = 1024 * 1024;
const CHUNK = 5 * MiB;
const signal = new AbortController().signal;
const calm = { signal, stallMs: 20_000 };

describe('an archive on its way to an S3 that fails', () => {
  let server: S3Server;
  let destination: Store;
  let retries: RetryEvent[];

  beforeEach(async () => {
    retries = [];
    server = await startS3Server();
    destination = await openTestStore(server.url, {
      prefix: '',
      onRetry: event => void retries.push(event),
    });
  });
  afterEach(async () => {
    destination.close();
    await server.close();
  });

  async function expectStored(archive: Buffer): Promise<void> {
    expect(await digestOf(await destination.get('logs.tar.gz', signal))).toBe(digestOfBytes(archive));
    expect(server.uploads()).toEqual([]);
    expect(server.objects()).toHaveLength(1);
  }

  function store(archive: Buffer, options = calm) {
    return destination.store('logs.tar.gz', inChunks(archive, CHUNK), options);
  }

  const large = bytesOf(2 * CHUNK + 99);
  const small = bytesOf(1000);

  test.for<[string, FaultRule]>([
    ['503s on every other request', { match: { every: 2 }, do: '503' }],
    ['SlowDown for one in three', { match: { probability: 0.3, seed: 7 }, do: 'SlowDown' }],
    ['500s on the first three parts', { match: { operation: 'UploadPart', upTo: 3 }, do: '500' }],
    ['resets of one in three', { match: { probability: 0.3, seed: 3 }, do: 'reset' }],
    [
      '429s on the start',
      {
        match: { operation: ['CreateMultipartUpload', 'PutObject'], upTo: 2 },
        do: 'error',
        status: 429,
        code: 'TooManyRequests',
      },
    ],
    [
      'bodies that arrive damaged',
      {
        match: { operation: ['UploadPart', 'PutObject'], nth: 1 },
        do: 'error',
        status: 400,
        code: 'BadDigest',
      },
    ],
    [
      'three completions that fail',
      { match: { operation: ['CompleteMultipartUpload', 'PutObject'], upTo: 3 }, do: '503' },
    ],
    [
      'answers that are lost',
      {
        match: { operation: ['UploadPart', 'PutObject', 'CompleteMultipartUpload'], nth: 1 },
        do: 'reset-after-commit',
      },
    ],
    [
      'a 500 after the fact',
      { match: { operation: ['PutObject', 'CompleteMultipartUpload'], nth: 1 }, do: '500-after-commit' },
    ],
  ])('arrives whole in spite of %s', async ([, rule]) => {
    server.setFaults([rule]);
    expect(await store(large)).toMatchObject({ bytes: large.length, parts: 3 });
    await expectStored(large);
    server.setFaults([rule]);
    expect(await destination.store('small', inChunks(small, CHUNK), calm)).toMatchObject({ parts: 1 });
    expect(retries.length).toBeGreaterThan(0);
    expect(retries[0]).toMatchObject({ request: expect.any(String), why: expect.any(String) });
  });

  test('a part that is never answered is sent again on a fresh connection', async () => {
    server.setFaults([{ match: { operation: 'UploadPart', nth: 2 }, do: 'stall' }]);
    await store(large, { signal, stallMs: 4000 });
    await expectStored(large);
    expect(retries).toContainEqual(expect.objectContaining({ why: 'no answer for 1 s' }));
  });

  test.for(['UploadPart', 'CompleteMultipartUpload', 'CreateMultipartUpload'] as const)(
    'a store that never answers %s is given up after the stall time, and the upload aborted',
    async operation => {
      server.setFaults([{ match: { operation }, do: 'stall' }]);
      await expect(store(large, { signal, stallMs: 600 })).rejects.toThrow('no byte has moved for 0.6 s');
      expect(server.uploads()).toEqual([]);
      expect(server.objects()).toEqual([]);
    },
  );

  test('a slow store is no stalled one', { tags: ['slow'] }, async () => {
    server.setFaults([{ match: { operation: 'UploadPart' }, do: 'slow', bytesPerSecond: 2 * MiB }]);
    // The part takes longer than the stall time, and is too large for the system's buffers to swallow: what they hold
    // at the end is gone in half of it, also at half the speed.
    const part = bytesOf(32 * MiB);
    await destination.store('logs.tar.gz', inChunks(part, part.length), { signal, stallMs: 14_000 });
    await expectStored(part);
  });

  test('an abort ends a try promptly even when the store answers nothing any more', async () => {
    server.setFaults([{ match: { operation: ['UploadPart', 'AbortMultipartUpload'] }, do: 'stall' }]);
    const abort = new AbortController();
    const reason = new Error('the deadline');
    const storing = store(large, { signal: abort.signal, stallMs: 600_000 });
    await eventually(() => server.counts.UploadPart);
    abort.abort(reason);
    await expect(storing).rejects.toBe(reason);
    // That the abort is not answered either has not been waited for: it would have been told.
    expect(retries).toEqual([]);
  });

  test('an abort while the upload is being started leaves none behind', async () => {
    server.setFaults([{ match: { operation: 'CreateMultipartUpload' }, do: 'hold' }]);
    const abort = new AbortController();
    const storing = store(large, { signal: abort.signal, stallMs: 20_000 });
    await eventually(() => server.counts.CreateMultipartUpload);
    abort.abort(new Error('the deadline'));
    server.setFaults([]);
    await expect(storing).rejects.toThrow('the deadline');
    await eventually(() => server.counts.AbortMultipartUpload && server.uploads().length === 0);
    expect(server.counts).toEqual({ CreateMultipartUpload: 1, AbortMultipartUpload: 1 });
  });

  test('an abort that comes while the completion is under way keeps what has been completed', async () => {
    server.setFaults([{ match: { operation: 'CompleteMultipartUpload', nth: 1 }, do: 'reset-after-commit' }]);
    const abort = new AbortController();
    const aborting = await openTestStore(server.url, { prefix: '', onRetry: () => abort.abort() });
    onTestFinished(() => aborting.close());
    const receipt = await aborting.store('logs.tar.gz', inChunks(large, CHUNK), {
      signal: abort.signal,
      stallMs: 9000,
    });
    expect(receipt).toMatchObject({ bytes: large.length });
    await expectStored(large);
  });

  test('no more is read than is in flight, however long the store takes', async () => {
    server.setFaults([{ match: { operation: 'UploadPart' }, do: 'stall' }]);
    let read = 0;
    async function* endless() {
      for (;;) {
        read += 1;
        yield Buffer.alloc(8 * MiB);
      }
    }
    const storing = destination.store('logs.tar.gz', endless(), { signal, stallMs: 1000 });
    await expect(storing).rejects.toThrow('no byte has moved');
    expect(read).toBe(4);
  });

  test('a failed part is seen at once, even while the source is idle', async () => {
    server.setFaults([{ match: { operation: 'UploadPart' }, do: 'deny' }]);
    const source = thenIdle([bytesOf(CHUNK)]);
    const error = await destination.store('logs.tar.gz', source, calm).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      message: 'could not save logs.tar.gz to s3://bucket: AccessDenied: Access Denied',
      remedy: expect.stringContaining('s3:PutObject'),
    });
    expect(source.isClosed).toBe(true);
    expect(server.uploads()).toEqual([]);
  });

  test('an abort that is refused is told, since parts stay behind', async () => {
    server.setFaults([{ match: { operation: ['UploadPart', 'AbortMultipartUpload'] }, do: 'deny' }]);
    await expect(store(large)).rejects.toThrow('AccessDenied');
    expect(retries).toEqual([
      { request: expect.stringContaining('lifecycle rule'), why: expect.any(String), waitMs: undefined },
    ]);
  });

  test('where a HEAD is denied, and no part has a checksum, the receipt says unverified, and nothing fails', async () => {
    server.setFaults([
      { match: { operation: 'HeadObject' }, do: 'deny' },
      { match: { operation: 'UploadPart' }, do: 'no-checksum' },
    ]);
    expect(await store(large)).toMatchObject({ verified: false });
    expect(await destination.exists('logs.tar.gz', signal)).toBe('unknown');
    await expectStored(large);
  });

  test('where a HEAD is denied a completion whose answer was lost is still recognised', async () => {
    server.setFaults([
      { match: { operation: 'HeadObject' }, do: 'deny' },
      { match: { operation: 'CompleteMultipartUpload', nth: 1 }, do: 'reset-after-commit' },
    ]);
    expect(await store(large)).toMatchObject({ verified: false, bytes: large.length });
    await expectStored(large);
  });

  test('somebody else’s object is not mistaken for ours when an answer was lost', async () => {
    await destination.put('logs.tar.gz', bytesOf(large.length, 5), { signal });
    server.setFaults([{ match: { operation: 'CompleteMultipartUpload', nth: 1 }, do: '500' }]);
    await expect(store(large)).rejects.toThrow(AlreadyExistsError);
    await expectStored(bytesOf(large.length, 5));
  });

  test('nor a small one', async () => {
    await destination.put('logs.tar.gz', bytesOf(small.length, 5), { signal });
    server.setFaults([{ match: { operation: 'PutObject', nth: 1 }, do: '500' }]);
    await expect(store(small)).rejects.toThrow(AlreadyExistsError);
    await expectStored(bytesOf(small.length, 5));
  });

  test('a conflict asks for a new upload: worth another try, so not refused', async () => {
    const rule = { do: 'error', status: 409, code: 'ConditionalRequestConflict' } as const;
    server.setFaults([{ match: { operation: 'CompleteMultipartUpload' }, ...rule }]);
    const error = await store(large).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ message: expect.stringContaining('ConditionalRequestConflict') });
    expect(error).not.toBeInstanceOf(PermanentError);
    expect(server.uploads()).toEqual([]);
    server.setFaults([{ match: { operation: 'PutObject', nth: 1 }, ...rule }]);
    await store(small);
    await expectStored(small);
  });

  test('an object that is gone right after is an error', async () => {
    server.setFaults([{ match: { operation: 'HeadObject' }, do: 'error', status: 404, code: 'NoSuchKey' }]);
    await expect(store(small, { signal, stallMs: 10_000 })).rejects.toThrow('but has nothing');
  });

  test('chunks smaller than a part are a fault of the caller’s, told at once', async () => {
    const storing = destination.store('x', inChunks(bytesOf(3000), 1000), calm);
    await expect(storing).rejects.toThrow('chunks must have the size of chunkBytes');
    expect(server.counts).toEqual({});
  });

  test('an object is read on where a connection broke', async () => {
    await store(large);
    const reader = await destination.get('logs.tar.gz', signal);
    // All connections of the first answer break; the rest is asked for by range.
    const chunks: Buffer[] = [];
    for await (const chunk of reader ?? []) {
      if (chunks.length === 0) server.breakConnections();
      chunks.push(chunk);
    }
    expect(digestOfBytes(Buffer.concat(chunks))).toBe(digestOfBytes(large));
    expect(server.requests.some(({ headers }) => headers.range !== undefined)).toBe(true);
  });

  test('small objects, lists and deletions are repeated until they are done', async () => {
    server.setFaults([{ match: { every: 2 }, do: '503' }]);
    const keys = Array.from({ length: 5 }, (_, i) => `journal/${i}`);
    for (const key of keys) await destination.put(key, small, { signal, ifAbsent: true });
    const listed: string[] = [];
    for await (const { key } of destination.list('journal/', signal)) listed.push(key);
    expect(listed).toEqual(keys);
    await destination.delete(keys, signal);
    expect(server.objects()).toEqual([]);
  });

  test('a put that is answered with 404 is not repeated: no S3 answers so', async () => {
    server.setFaults([{ match: { operation: 'PutObject' }, do: 'error', status: 404, code: 'NotFound' }]);
    const error = await destination.put('a', small, { signal }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      name: 'PermanentError',
      remedy: expect.stringContaining('SESSION_DESTINATION'),
    });
    expect(server.counts.PutObject).toBe(1);
  });

  test('a store without DeleteObjects gets single deletions', async () => {
    for (const key of ['a', 'b']) await destination.put(key, small, { signal });
    server.setFaults([
      { match: { operation: 'DeleteObjects' }, do: 'error', status: 501, code: 'NotImplemented' },
    ]);
    await destination.delete(['a', 'b', 'c'], signal);
    expect(server.objects()).toEqual([]);
  });
});

test('bytes have moved only when they got further than in any try before', () => {
  let moved = 0;
  const sent = trackFurthest(() => {
    moved += 1;
  });
  for (const bytes of [0, 100, 200]) sent(bytes);
  for (const bytes of [0, 100, 200]) sent(bytes);
  expect(moved).toBe(3);
  sent(201);
  expect(moved).toBe(4);
});

test('more than a thousand objects are listed and deleted, page by page', { tags: ['slow'] }, async () => {
  const server = await startS3Server();
  onTestFinished(() => server.close());
  const destination = await openTestStore(server.url);
  onTestFinished(() => destination.close());
  const keys = Array.from({ length: 1100 }, (_, i) => `journal/${String(i).padStart(8, '0')}`);
  for (let at = 0; at < keys.length; at += 50)
    await Promise.all(keys.slice(at, at + 50).map(key => destination.put(key, Buffer.from(key), { signal })));
  const listed: string[] = [];
  for await (const { key } of destination.list('journal/', signal)) listed.push(key);
  expect(listed).toEqual(keys);
  await destination.delete(keys, signal);
  expect(server.objects()).toEqual([]);
  expect(server.counts).toMatchObject({ ListObjectsV2: 2, DeleteObjects: 2 });
});
