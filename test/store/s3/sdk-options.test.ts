/** @module-tag slow */

import { once } from 'node:events';
import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import { type S3ServerOptions, startS3Server } from '../../support/s3-server.ts';

/**
 * What options of the SDK do not do. Where one of these fails after an update of the SDK, the option may now serve in
 * place of code of ours: see docs/decisions.md.
 */
async function stage(serverOptions: S3ServerOptions, config: S3ClientConfig) {
  const server = await startS3Server(serverOptions);
  const client = new S3Client({
    endpoint: server.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' },
    ...config,
  });
  onTestFinished(async () => {
    client.destroy();
    await server.close();
  });
  const at = { Bucket: 'bucket', Key: 'key' };
  return {
    server,
    put: () => client.send(new PutObjectCommand({ ...at, Body: Buffer.alloc(8_000_000) })),
    head: () => client.send(new HeadObjectCommand(at)),
    get: () => client.send(new GetObjectCommand(at)),
    statuses: () => server.requests.map(({ status }) => status),
  };
}

test('followRegionRedirects leaves AuthorizationHeaderMalformed alone, S3’s usual answer', async () => {
  const { put, head } = await stage({ region: 'eu-west-1' }, { followRegionRedirects: true });
  await expect(put()).rejects.toThrow('is wrong; expecting');
  await expect(head()).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
});

test('followRegionRedirects sends every request twice, bodies as well', async () => {
  const elsewhere = { region: 'eu-west-1', regionRefusal: 301 } as const;
  const { put, statuses } = await stage(elsewhere, { followRegionRedirects: true });
  for (let times = 1; times <= 3; times += 1) await put();
  expect(statuses()).toEqual([301, 200, 301, 200, 301, 200]);
});

test('the clock’s correction marks errors that are none of the clock’s, and they are retried', async () => {
  const { head, statuses } = await stage({ clockAheadMs: 300_000 }, { maxAttempts: 3 });
  await expect(head()).rejects.toMatchObject({ $metadata: { clockSkewCorrected: true } });
  expect(new Set(statuses())).toEqual(new Set([404]));
  expect(statuses().length).toBeGreaterThan(1);
});

test.for([
  [400, 'BadDigest'],
  [409, 'ConditionalRequestConflict'],
] as const)('adaptive retry does not repeat a %i %s', async ([status, code]) => {
  const faults = [{ match: { nth: 1 }, do: 'error', status, code }] as const;
  const { put, statuses } = await stage({ faults }, { retryMode: 'adaptive', maxAttempts: 10 });
  await expect(put()).rejects.toThrow(code);
  expect(statuses()).toEqual([status]);
});

test('socketTimeout counts the time that a reader takes', async () => {
  const { put, get } = await stage({}, { requestHandler: { socketTimeout: 300 } });
  await put();
  const { Body } = await get();
  if (!(Body instanceof Readable)) throw new Error('no body');
  // Nobody reads.
  const [error] = await once(Body, 'error');
  expect(String(error)).toContain('timed out');
});
