import { hash } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { type Sums, sumsHere } from '../../../src/files/sums.ts';
import { type S3ServerOptions, startS3Server } from '../../support/s3-server.ts';
import { tlsIdentity, trustCertificate } from '../../support/tls.ts';
import { bytesOf, inChunks } from '../archives.ts';
import { openTestStore } from './support.ts';

const CHUNK = 8 << 20;
const archive = bytesOf(3 * CHUNK + 1);
const { signal } = new AbortController();

async function store(
  serverOptions: S3ServerOptions,
  env: Record<string, string> = {},
  sums: Sums = sumsHere,
) {
  const trusting = trustCertificate();
  onTestFinished(() => trusting[Symbol.dispose]());
  const server = await startS3Server(serverOptions);
  onTestFinished(() => server.close());
  const opened = await openTestStore(server.url, { env });
  onTestFinished(() => opened.close());
  const receipt = await opened.store('a.tar', inChunks(archive, CHUNK), { signal, stallMs: 20_000, sums });
  const parts = server.requests.filter(({ operation }) => operation === 'UploadPart');
  const signatures = parts.map(({ status, headers }) => {
    const digest = headers['x-amz-content-sha256'];
    return `${digest === 'UNSIGNED-PAYLOAD' ? 'unsigned' : 'signed'} ${status}`;
  });
  return { receipt, signatures, parts };
}

test('over TLS the bytes of parts are not signed, and have their checksum', async () => {
  const { receipt, signatures, parts } = await store({ tls: tlsIdentity() });
  expect(signatures).toEqual(Array(4).fill('unsigned 200'));
  expect(receipt).toMatchObject({ bytes: archive.length, verified: true });
  for (const { headers } of parts) expect(headers['x-amz-checksum-crc32']).toMatch(/^.{6}==$/);
});

test('without TLS they are', async () => {
  expect((await store({})).signatures).toEqual(Array(4).fill('signed 200'));
});

test('without checksums they are', async () => {
  const { signatures, parts } = await store(
    { tls: tlsIdentity() },
    { AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_REQUIRED' },
  );
  expect(signatures).toEqual(Array(4).fill('signed 200'));
  for (const { headers } of parts) expect(headers['x-amz-checksum-crc32']).toBeUndefined();
});

test('a bucket that denies unsigned ones gets signed ones', async () => {
  const { receipt, signatures } = await store({ tls: tlsIdentity(), takesUnsigned: false });
  expect(receipt).toMatchObject({ bytes: archive.length, verified: true });
  expect(signatures.toSorted()).toEqual([
    ...Array(4).fill('signed 200'),
    ...signatures.filter(each => each === 'unsigned 403'),
  ]);
  expect(signatures[0]).toBe('unsigned 403');
});

/** `sumsHere`, and what of it was asked for. */
function notedSums(): Sums & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    crc32(bytes) {
      asked.push('crc32');
      return sumsHere.crc32(bytes);
    },
    sha256(bytes) {
      asked.push('sha256');
      return sumsHere.sha256(bytes);
    },
  };
}

test('the digest of a part is made once, also where it is sent again', async () => {
  const sums = notedSums();
  const { parts } = await store(
    { faults: [{ match: { operation: 'UploadPart', nth: 2 }, do: '503' }] },
    {},
    sums,
  );
  expect(sums.asked.toSorted()).toEqual([...Array(4).fill('crc32'), ...Array(4).fill('sha256')]);
  expect(parts.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 503]);
  const digests = [0, 1, 2, 3].map(n => hash('sha256', archive.subarray(n * CHUNK, (n + 1) * CHUNK)));
  expect(new Set(parts.map(({ headers }) => headers['x-amz-content-sha256']))).toEqual(new Set(digests));
});

test('over TLS no digest of a part is made', async () => {
  const sums = notedSums();
  await store({ tls: tlsIdentity() }, {}, sums);
  expect(sums.asked).toEqual(Array(4).fill('crc32'));
});
