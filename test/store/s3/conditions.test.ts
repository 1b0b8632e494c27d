import { expect, onTestFinished, test } from 'vitest';
import {
  AlreadyExistsError,
  ConditionRefusedError,
  PermanentError,
  type Store,
} from '../../../src/store/store.ts';
import type { Conditions } from '../../support/s3/state.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { bytesOf, inChunks } from '../archives.ts';
import { openTestStore } from './support.ts';

const signal = new AbortController().signal;
const RUN = '5f0c6a52-6d2a-4a39-9f3c-0f4d1f0f8f11';

async function open(conditions: Conditions) {
  const server = await startS3Server({ conditions });
  onTestFinished(() => server.close());
  const store = await openTestStore(server.url, { run: RUN });
  onTestFinished(() => store.close());
  return { server, store };
}

/** Stores two archives under one key; small ones are put whole, others sent in parts. */
async function storeTwice(store: Store, bytes: number, ifAbsent: boolean): Promise<void> {
  const chunkBytes = store.chunkBytes(bytes);
  for (let time = 1; time <= 2; time += 1)
    await store.store('logs.tar.gz', inChunks(bytesOf(bytes), chunkBytes), {
      signal,
      stallMs: 20_000,
      ifAbsent,
    });
}

const SIZES = [
  ['put whole', 1_000],
  ['sent in parts', 12_000_000],
] as const;

test.for(SIZES)('an archive that is %s is refused where the store refuses conditions', async ([, bytes]) => {
  const { server, store } = await open('refused');
  await expect(storeTwice(store, bytes, true)).rejects.toThrow(ConditionRefusedError);
  expect([server.objects(), server.uploads()]).toEqual([[], []]);
});

test.for(SIZES)('an archive that is %s without a condition is taken by such a store', async ([, bytes]) => {
  const { server, store } = await open('refused');
  await storeTwice(store, bytes, false);
  expect(server.objects()).toMatchObject([{ bytes }]);
});

test('a small object is refused with a condition only', async () => {
  const { store } = await open('refused');
  const body = Buffer.from('x');
  await expect(store.put('claim.json', body, { signal, ifAbsent: true })).rejects.toThrow(
    ConditionRefusedError,
  );
  await store.put('claim.json', body, { signal });
});

test.for([
  ['honoured', 'honoured', 'honoured'],
  ['ignored-on-complete', 'honoured', 'ignored'],
  ['ignored', 'ignored', 'ignored'],
] as const)(
  'where conditions are %s, a second archive is told by it or not',
  async ([conditions, ...found]) => {
    for (const [index, [, bytes]] of SIZES.entries()) {
      const { store } = await open(conditions);
      const storing = storeTwice(store, bytes, true);
      if (found[index] === 'honoured') await expect(storing).rejects.toThrow(AlreadyExistsError);
      else await storing;
    }
  },
);

test.for(SIZES)('an archive that is %s names its run', async ([, bytes]) => {
  const { server, store } = await open('honoured');
  await storeTwice(store, bytes, false);
  expect(server.objects()[0]?.headers).toMatchObject({ 'x-amz-meta-run': RUN });
});

test.for([
  [400, 'InvalidArgument', true],
  [501, 'NotImplemented', true],
  [400, 'InvalidPart', false],
  [400, 'MalformedXML', false],
] as const)(
  'a write that is answered by %i %s has met a refused condition: %s',
  async ([status, code, is]) => {
    const { server, store } = await open('honoured');
    const operation = ['PutObject', 'CompleteMultipartUpload'] as const;
    server.setFaults([{ match: { operation }, do: 'error', status, code }]);
    for (const [, bytes] of SIZES) {
      const error = await storeTwice(store, bytes, true).catch((why: unknown) => why);
      expect(error).toBeInstanceOf(PermanentError);
      expect(error instanceof ConditionRefusedError).toBe(is);
    }
  },
);

test('a small object names its run', async () => {
  const { server, store } = await open('honoured');
  await store.put('session.json', Buffer.from('{}'), { signal });
  expect(server.objects()[0]?.headers).toMatchObject({ 'x-amz-meta-run': RUN });
});
