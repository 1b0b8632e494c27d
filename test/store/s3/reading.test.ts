import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { digestOf, readObject, readVerified } from '../../../src/store/read.ts';
import type { Store } from '../../../src/store/store.ts';
import { type FaultRule, type S3Server, startS3Server } from '../../support/s3-server.ts';
import { bytesOf, digestOfBytes } from '../archives.ts';
import { openTestStore } from './support.ts';

const signal = new AbortController().signal;
const KEY = 'journal/00000001.tar.gz';
const options = { maxBytes: 10_000_000, signal, isListed: true };
const object = gzipSync(bytesOf(3_000_000));

let server: S3Server;
let store: Store;

beforeEach(async () => {
  server = await startS3Server();
  store = await openTestStore(server.url);
  await store.put(KEY, object, { signal });
  onTestFinished(async () => {
    store.close();
    await server.close();
  });
});

/** What the reader of a journal asks of a segment: that it is what was stored. */
function verify(found: Buffer): number {
  if (!found.equals(object)) throw new Error('its sum differs');
  return found.length;
}

const get = { operation: 'GetObject' } as const;

describe('a fault on the way back', () => {
  test.for<[string, FaultRule[]]>([
    ['an answer that is cut', [{ match: { ...get, nth: 1 }, do: 'cut' }]],
    [
      'a cut answer, and then 200 with all of it for a range',
      [
        { match: { ...get, nth: 1 }, do: 'cut' },
        { match: { ...get, nth: 2 }, do: 'ignore-range' },
      ],
    ],
    ['a range that is cut again', [{ match: { ...get, upTo: 2 }, do: 'cut' }]],
    [
      'one 404 in the middle of reading',
      [
        { match: { ...get, nth: 1 }, do: 'cut' },
        { match: { ...get, nth: 2 }, do: 'error', status: 404, code: 'NoSuchKey' },
      ],
    ],
    ['half of it for all', [{ match: { ...get, nth: 1 }, do: 'short' }]],
    ['another bit', [{ match: { ...get, nth: 1 }, do: 'flip' }]],
    [
      'two answers with other bits',
      [
        { match: { ...get, nth: 1 }, do: 'short' },
        { match: { ...get, nth: 2 }, do: 'flip' },
      ],
    ],
    ['a 404', [{ match: { ...get, nth: 1 }, do: 'error', status: 404, code: 'NoSuchKey' }]],
    [
      'a 404 between two answers',
      [
        { match: { ...get, nth: 1 }, do: 'flip' },
        { match: { ...get, nth: 2 }, do: 'error', status: 404, code: 'NoSuchKey' },
      ],
    ],
    ['a gateway that unzips', [{ match: get, do: 'unzip' }]],
  ])('is no damage: %s', async ([, faults]) => {
    server.setFaults(faults);
    expect(await readVerified(store, KEY, options, verify)).toEqual({ value: object.length });
  });

  test.for<[string, FaultRule]>([
    ['an answer that is cut', { match: { ...get, upTo: 3 }, do: 'cut' }],
    ['another bit', { match: { ...get, nth: 1 }, do: 'flip' }],
  ])('does not reach a reader without a sum of its own: %s', async ([, rule]) => {
    server.setFaults([rule]);
    expect(await readObject(store, KEY, options)).toEqual(object);
    server.setFaults([rule]);
    expect(await digestOf(store, KEY, signal)).toMatchObject({ sha256: digestOfBytes(object) });
  });

  test('nor one who knows the digest: a gateway that unzips', async () => {
    server.setFaults([{ match: get, do: 'unzip' }]);
    const expected = { bytes: object.length, sha256: digestOfBytes(object) };
    expect(await digestOf(store, KEY, signal, expected.sha256)).toEqual(expected);
  });
});

test('what is read on is of the same object, also where the store does not heed If-Match', async () => {
  server.setFaults([{ match: { ...get, nth: 1 }, do: 'cut' }]);
  const body = await store.get(KEY, signal);
  const other = bytesOf(object.length, 7);
  await expect(
    (async () => {
      for await (const _ of body ?? []) await store.put(KEY, other, { signal });
    })(),
  ).rejects.toThrow('was replaced while it was read');
});

test('the same bytes twice are damage', async () => {
  await store.put(KEY, object.subarray(1), { signal });
  expect(await readVerified(store, KEY, options, verify)).toEqual({ damage: 'its sum differs' });
  expect(server.counts.GetObject).toBe(2);
});

test('so are the same bytes twice that the store’s own checksum denies', async () => {
  server.setFaults([{ match: get, do: 'flip' }]);
  expect(await readVerified(store, KEY, options, found => found)).toEqual({
    damage: expect.stringContaining('Checksum mismatch'),
  });
});

test('an object that comes otherwise each time is no damaged one: it cannot be read', async () => {
  let reads = 0;
  const changing: Store = {
    ...store,
    async get() {
      reads += 1;
      return Object.assign(chunksOf(bytesOf(10, reads)), { version: '' });
    },
  };
  await expect(readVerified(changing, KEY, options, verify)).rejects.toThrow('comes otherwise each time');

  async function* chunksOf(bytes: Buffer) {
    yield bytes;
  }
});

test('an object that is not there is missing, at once where nobody knows of it', async () => {
  expect(await readObject(store, 'nothing', { maxBytes: 10, signal })).toBeUndefined();
  expect(server.counts.GetObject).toBe(1);
  expect(await readObject(store, 'nothing', options)).toBeUndefined();
  expect(server.counts.GetObject).toBe(5);
});

test('an object that is deleted while it is read is missed, and not for ever', async () => {
  server.setFaults([{ match: { ...get, nth: 1 }, do: 'cut' }]);
  const body = await store.get(KEY, signal);
  await expect(
    (async () => {
      for await (const _ of body ?? []) await store.delete([KEY], signal);
    })(),
  ).rejects.toThrow('was deleted while it was read');
});

test('an object of more bytes than are wanted is too large', async () => {
  expect(await readObject(store, KEY, { maxBytes: 100, signal })).toBe('too-large');
});

describe('a listing', () => {
  const keys = Array.from({ length: 1_050 }, (_, i) => `many/${String(i).padStart(5, '0')}`);

  async function listed(): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of store.list('many/', signal)) found.push(key);
    return found;
  }

  test('without a token is continued after its last key', { timeout: 30_000 }, async () => {
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(keys.slice(at, at + 50).map(key => store.put(key, Buffer.from(key), { signal })));
    server.setFaults([{ match: { operation: 'ListObjectsV2', nth: 1 }, do: 'no-token' }]);
    expect(await listed()).toEqual(keys);
    // A store that knows neither way says so, and does not end where it was.
    server.setFaults([{ match: { operation: 'ListObjectsV2' }, do: 'same-page' }]);
    await expect(listed()).rejects.toThrow('the store says that there is more, and does not give it');
  });
});
