import { expect, onTestFinished, test } from 'vitest';
import { type S3ServerOptions, startS3Server } from '../../support/s3-server.ts';
import { tlsIdentity, trustCertificate } from '../../support/tls.ts';
import { bytesOf, inChunks } from '../archives.ts';
import { openTestStore } from './support.ts';

const CHUNK = 8 << 20;
const archive = bytesOf(3 * CHUNK + 1);
const { signal } = new AbortController();

async function store(serverOptions: S3ServerOptions, env: Record<string, string> = {}) {
  const trusting = trustCertificate();
  onTestFinished(() => trusting[Symbol.dispose]());
  const server = await startS3Server(serverOptions);
  onTestFinished(() => server.close());
  const opened = await openTestStore(server.url, { env });
  onTestFinished(() => opened.close());
  const receipt = await opened.store('a.tar', inChunks(archive, CHUNK), { signal, stallMs: 20_000 });
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
