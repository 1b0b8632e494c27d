import { expect, onTestFinished, test } from 'vitest';
import { DeniedError, PermanentError } from '../../../src/store/store.ts';
import { type FaultRule, startS3Server } from '../../support/s3-server.ts';
import { bytesOf, inChunks } from '../archives.ts';
import { openTestStore } from './support.ts';

const signal = new AbortController().signal;

/** A store at which uploads of two keys, one the beginning of the other, were cut off. */
async function withOpenUploads(faults: readonly FaultRule[] = []) {
  const deny: FaultRule = { match: { operation: 'AbortMultipartUpload' }, do: 'deny' };
  const server = await startS3Server({ faults: [{ match: { operation: 'UploadPart' }, do: 'deny' }, deny] });
  onTestFinished(() => server.close());
  const store = await openTestStore(server.url);
  onTestFinished(() => store.close());
  for (const key of ['T/logs.tar', 'T/logs.tar.gz', 'T/logs.tar.gz'])
    await expect(
      store.store(key, inChunks(bytesOf(12_000_000), store.chunkBytes(12_000_000)), {
        signal,
        stallMs: 20_000,
      }),
    ).rejects.toThrow();
  server.setFaults(faults);
  return { server, store };
}

const keysOf = (uploads: readonly { readonly key: string }[]) => uploads.map(({ key }) => key);

test('every upload of a key that was cut off is aborted, and no other', async () => {
  const { server, store } = await withOpenUploads();
  expect(server.uploads()).toHaveLength(3);
  expect(await store.abortUploads('T/logs.tar.gz', signal)).toBe(2);
  expect(keysOf(server.uploads())).toEqual(['some/prefix/T/logs.tar']);
  expect(await store.abortUploads('T/logs.tar.gz', signal)).toBe(0);
});

test('those below a prefix are listed by their keys, with when they began', async () => {
  const { store } = await withOpenUploads();
  const uploads = await store.openUploads('', signal);
  expect(keysOf(uploads).toSorted()).toEqual(['T/logs.tar', 'T/logs.tar.gz', 'T/logs.tar.gz']);
  for (const { modifiedMs } of uploads) expect(Math.abs(Date.now() - modifiedMs)).toBeLessThan(60_000);
  expect(await store.openUploads('other/', signal)).toEqual([]);
  const denied = await withOpenUploads([{ match: { operation: 'ListMultipartUploads' }, do: 'deny' }]);
  await expect(denied.store.openUploads('', signal)).rejects.toThrow(DeniedError);
});

test('where the right to find them, or to abort them, is missing, that is said at once', async () => {
  for (const operation of ['ListMultipartUploads', 'AbortMultipartUpload'] as const) {
    const { server, store } = await withOpenUploads([{ match: { operation }, do: 'deny' }]);
    await expect(store.abortUploads('T/logs.tar.gz', signal)).rejects.toThrow(PermanentError);
    expect(server.uploads()).toHaveLength(3);
  }
});

test('one that is gone when it is aborted is no error, and a store that fails for the moment is asked again', async () => {
  const { server, store } = await withOpenUploads([
    { match: { operation: 'ListMultipartUploads', nth: 1 }, do: '503' },
    { match: { operation: 'AbortMultipartUpload', nth: 1 }, do: 'reset-after-commit' },
  ]);
  await store.abortUploads('T/logs.tar.gz', signal);
  expect(keysOf(server.uploads())).toEqual(['some/prefix/T/logs.tar']);
});

test('a list of them that breaks off is not taken for the whole', async () => {
  const { store } = await withOpenUploads([{ match: { operation: 'ListMultipartUploads' }, do: 'no-token' }]);
  await expect(store.abortUploads('T/logs.tar.gz', signal)).rejects.toThrow('breaks off');
});
