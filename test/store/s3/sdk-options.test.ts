/** @module-tag slow */

import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  waitUntilObjectExists,
} from '@aws-sdk/client-s3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type S3ServerOptions, startS3Server } from '../../support/s3-server.ts';

const at = { Bucket: 'bucket', Key: 'key' };

function openClient(endpoint: string, config: S3ClientConfig): S3Client {
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' },
    ...config,
  });
  onTestFinished(() => client.destroy());
  return client;
}

/**
 * What options of the SDK do not do. Where one of these fails after an update of the SDK, the option may now serve in
 * place of code of ours: see docs/decisions.md.
 */
async function stage(serverOptions: S3ServerOptions, config: S3ClientConfig) {
  const server = await startS3Server(serverOptions);
  onTestFinished(() => server.close());
  const client = openClient(server.url, config);
  return {
    server,
    client,
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

test.for(['standard', 'adaptive'] as const)(
  '%s retry gives up after 35 repetitions of all requests together',
  async retryMode => {
    const faults = [{ do: '500' }] as const;
    const { head, statuses } = await stage({ faults }, { retryMode, maxAttempts: 3 });
    await Promise.allSettled(Array.from({ length: 40 }, head));
    expect(statuses()).toHaveLength(40 + 35);
  },
);

test('socketTimeout counts the time that a reader takes', async () => {
  const { put, get } = await stage({}, { requestHandler: { socketTimeout: 300 } });
  await put();
  const { Body } = await get();
  if (!(Body instanceof Readable)) throw new Error('no body');
  // Nobody reads.
  const [error] = await once(Body, 'error');
  expect(String(error)).toContain('timed out');
});

const THROWN = {
  requestHandler: { requestTimeout: 300, throwOnRequestTimeout: true },
  maxAttempts: 1,
} as const;

test('requestTimeout alone warns, and ends nothing', async () => {
  const warn = vi.fn();
  const logger = { ...console, warn };
  const faults = [{ do: 'late-answer', delayMs: 600 }] as const;
  const { put } = await stage({ faults }, { requestHandler: { requestTimeout: 300, logger } });
  await put();
  expect(warn).toHaveBeenCalledOnce();
});

test('requestTimeout ends a request whose bytes move, since it is slow', async () => {
  const slow = { do: 'slow', bytesPerSecond: 8_000_000 } as const;
  const { put } = await stage({ faults: [slow] }, THROWN);
  await expect(put()).rejects.toThrow('requestTimeout');
});

test('requestTimeout does not end an answer that has stopped in its middle', async () => {
  let requests = 0;
  const server = http.createServer((_, response) => {
    requests += 1;
    if (requests === 1) response.writeHead(200, { 'content-length': '8' }).write('half');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = openClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, THROWN);
  const { Body } = await client.send(new GetObjectCommand(at));
  if (!(Body instanceof Readable)) throw new Error('no body');
  Body.resume();
  // One that was sent later, and not answered, has had its time.
  await expect(client.send(new HeadObjectCommand(at))).rejects.toThrow('requestTimeout');
  expect([Body.errored, Body.destroyed, Body.readableEnded]).toEqual([null, false, false]);
  // It breaks when the server closes the connection.
  Body.on('error', () => undefined);
});

test('waitUntilObjectExists is content with what another run has put there', async () => {
  const { put, client } = await stage({}, {});
  await put();
  await client.send(new PutObjectCommand({ ...at, Body: 'x', Metadata: { run: 'another' } }));
  const waiter = { client, maxWaitTime: 10 };
  const { state, reason } = await waitUntilObjectExists(waiter, at);
  expect({ state, reason }).toMatchObject({ state: 'SUCCESS', reason: { ContentLength: 1 } });
});
