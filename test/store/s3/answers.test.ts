import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { type Fault, type FaultRule, type S3Server, startS3Server } from '../../support/s3-server.ts';
import { inChunks } from '../archives.ts';
import { CHUNK, CREATING, KINDS, KMS, large, small } from './archive-kinds.ts';
import { openTestStore } from './support.ts';

const signal = new AbortController().signal;

let server: S3Server;
const stores: Store[] = [];

beforeEach(async () => {
  server = await startS3Server();
});
afterEach(async () => {
  for (const store of stores.splice(0)) store.close();
  await server.close();
});

const OTHER = 'the store says that it has other bytes';

/** Whether an archive that is saved with such an answer counts as verified. */
async function isVerified(
  archive: Buffer,
  isKms: boolean,
  fault?: Fault,
  isHeadDenied = true,
): Promise<boolean> {
  const rules: FaultRule[] = isHeadDenied ? [{ match: { operation: 'HeadObject' }, do: 'deny' }] : [];
  const operation = fault === 'no-checksum' ? ([...CREATING, 'UploadPart'] as const) : CREATING;
  server.setFaults(fault === undefined ? rules : [...rules, { match: { operation }, do: fault }]);
  const store = await openTestStore(server.url, isKms ? { s3: KMS } : {});
  stores.push(store);
  const { verified } = await store.store('logs.tar.gz', inChunks(archive, CHUNK), { signal, stallMs: 8_000 });
  expect(server.objects()).toMatchObject([{ bytes: archive.length }]);
  return verified;
}

describe.for(KINDS)('where no HEAD is allowed, an archive %s', ([, archive]) => {
  test('is verified by the answer’s checksums and ETag', async () => {
    expect(await isVerified(archive, false)).toBe(true);
  });

  test('is verified by the checksums alone where KMS makes the ETag', async () => {
    expect(await isVerified(archive, true)).toBe(true);
  });

  test('is not verified by an ETag that is no MD5, without a checksum', async () => {
    expect(await isVerified(archive, true, 'no-checksum')).toBe(false);
  });

  test('is not stored when the checksums are of other bytes', async () => {
    await expect(isVerified(archive, true, 'other-checksum')).rejects.toThrow(OTHER);
  });

  test('is verified by the checksums where the store’s ETags mean nothing', async () => {
    expect(await isVerified(archive, false, 'other-etag')).toBe(true);
  });

  test('is not verified when the answer was lost', async () => {
    server.setFaults([
      { match: { operation: 'HeadObject' }, do: 'deny' },
      { match: { operation: CREATING, nth: 1 }, do: 'reset-after-commit' },
    ]);
    const store = await openTestStore(server.url);
    stores.push(store);
    const storing = store.store('logs.tar.gz', inChunks(archive, CHUNK), { signal, stallMs: 8_000 });
    const ended = await storing.catch(() => ({ verified: false }));
    expect(ended.verified).toBe(false);
  });
});

test('where the parts have no checksums, what their ETags are of is not known', async () => {
  expect(await isVerified(large, false, 'no-checksum')).toBe(false);
});

test('where they have, the ETag of the whole is enough', async () => {
  const rule = { match: { operation: 'CompleteMultipartUpload' }, do: 'no-checksum' } as const;
  server.setFaults([{ match: { operation: 'HeadObject' }, do: 'deny' }, rule]);
  const store = await openTestStore(server.url);
  stores.push(store);
  const storing = store.store('logs.tar.gz', inChunks(large, CHUNK), { signal, stallMs: 8_000 });
  expect(await storing).toMatchObject({ verified: true });
});

test('the MD5 of what is put whole is enough', async () => {
  expect(await isVerified(small, false, 'no-checksum')).toBe(true);
});

test.for(KINDS)('a checksum of other bytes outweighs the size that a HEAD tells, %s', async ([, archive]) => {
  await expect(isVerified(archive, true, 'other-checksum', false)).rejects.toThrow(OTHER);
});

test('an object of that size that does not say whose it is proves nothing', async () => {
  const rule = { match: { operation: 'HeadObject' }, do: 'error', status: 200 } as const;
  server.setFaults([{ ...rule, headers: { 'content-length': `${small.length}`, etag: '"another"' } }]);
  const store = await openTestStore(server.url);
  stores.push(store);
  const storing = store.store('logs.tar.gz', inChunks(small, CHUNK), { signal, stallMs: 8_000 });
  expect(await storing).toMatchObject({ verified: false });
});
