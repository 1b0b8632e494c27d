import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PermanentError } from '../../../src/store/store.ts';
import { freePort } from '../../support/free-port.ts';
import { type S3Server, type S3ServerOptions, startS3Server } from '../../support/s3-server.ts';
import { bytesOf, inChunks } from '../archives.ts';
import { type OpenOptions, openTestStore } from './support.ts';

const signal = new AbortController().signal;
const CHUNK = 5 * 1024 * 1024;
const large = bytesOf(2 * CHUNK + 1);
const calm = { signal, stallMs: 20_000 };

let toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.reverse()) await close();
  toClose = [];
});

async function stage(serverOptions: S3ServerOptions = {}, options: OpenOptions = {}) {
  const server = await startS3Server(serverOptions);
  const destination = await openTestStore(server.url, options);
  toClose.push(
    () => server.close(),
    () => destination.close(),
  );
  return { server, destination };
}

describe('the check before a session', () => {
  test.for<[string, S3ServerOptions, OpenOptions, RegExp, RegExp]>([
    ['no such bucket', {}, { bucket: 'nowhere' }, /NoSuchBucket/, /Create the bucket/],
    [
      'access denied',
      { faults: [{ do: 'deny' }] },
      {},
      /AccessDenied/,
      /s3:PutObject on arn:aws:s3:::bucket\/some\/prefix\/\*/,
    ],
    [
      'a redirect to another region',
      {
        faults: [
          {
            do: 'error',
            status: 301,
            code: 'PermanentRedirect',
            headers: { 'x-amz-bucket-region': 'eu-west-1' },
          },
        ],
      },
      {},
      /PermanentRedirect/,
      /AWS_REGION=eu-west-1/,
    ],
    ['an unknown access key', { accessKeys: ['OTHER'] }, {}, /InvalidAccessKeyId/, /AWS_ACCESS_KEY_ID/],
    [
      'a wrong secret',
      { faults: [{ do: 'error', status: 403, code: 'SignatureDoesNotMatch' }] },
      {},
      /SignatureDoesNotMatch/,
      /AWS_SECRET_ACCESS_KEY/,
    ],
    [
      'an expired token',
      { faults: [{ do: 'expired-token' }] },
      { env: { AWS_SESSION_TOKEN: 'old' } },
      /ExpiredToken/,
      /not expired/,
    ],
    [
      'no credentials at all',
      {},
      { env: { AWS_ACCESS_KEY_ID: undefined } },
      /Could not load credentials/,
      /role/,
    ],
  ])('refuses %s, with a remedy', async ([, serverOptions, options, why, remedy]) => {
    const { server, destination } = await stage(serverOptions, options);
    const fitness = await destination.check(signal);
    expect(fitness).toEqual({
      state: 'denied',
      why: expect.stringMatching(why),
      remedy: expect.stringMatching(remedy),
    });
    expect(JSON.stringify(fitness)).not.toContain('verysecret');
    expect(server.objects()).toEqual([]);
  });

  test('uses the rights that saving needs and no others', async () => {
    const { server, destination } = await stage();
    expect(await destination.check(signal)).toEqual({ state: 'ok' });
    expect(server.counts).toEqual({ CreateMultipartUpload: 1, AbortMultipartUpload: 1 });
  });

  test('takes a store that answers 503 for one that may be back', async () => {
    const { destination } = await stage({ faults: [{ do: '503' }] });
    expect(await destination.check(signal)).toEqual({
      state: 'unavailable',
      why: expect.stringContaining('ServiceUnavailable'),
    });
  });

  test('takes a store that refuses connections for one that may be back', async () => {
    const { server, destination } = await stage({ port: await freePort() });
    await server.close();
    expect(await destination.check(signal)).toEqual({
      state: 'unavailable',
      why: expect.stringContaining('ECONNREFUSED'),
    });
    toClose.shift();
  });

  test('ends with the reason when it is aborted', async () => {
    const { destination } = await stage({ faults: [{ do: 'stall' }] });
    const abort = new AbortController();
    const checking = destination.check(abort.signal);
    abort.abort(new Error('enough'));
    await expect(checking).rejects.toThrow('enough');
  });
});

describe('regions', () => {
  test('where none is configured, the bucket’s own is found out', async () => {
    const { server, destination } = await stage(
      { region: 'ap-southeast-2' },
      { env: { AWS_REGION: undefined } },
    );
    expect(await destination.check(signal)).toEqual({ state: 'ok' });
    await destination.store('x', inChunks(large, CHUNK), calm);
    expect(server.requests.filter(({ status }) => status === 400)).toHaveLength(1);
  });

  test('where none is configured and none is needed, none is asked for', async () => {
    const { destination } = await stage({}, { env: { AWS_REGION: undefined } });
    expect(await destination.check(signal)).toEqual({ state: 'ok' });
  });
});

describe('credentials', () => {
  /** What ECS answers a task that has a role. */
  async function startRole(answer: (nth: number) => object | 'hang') {
    let asked = 0;
    const role = http.createServer((_, response) => {
      const credentials = answer(++asked);
      if (credentials !== 'hang') response.end(JSON.stringify(credentials));
    });
    await new Promise<void>(resolve => role.listen(0, '127.0.0.1', resolve));
    toClose.push(() => {
      role.closeAllConnections();
      role.close();
    });
    const { port } = role.address() as AddressInfo;
    return {
      env: {
        AWS_ACCESS_KEY_ID: undefined,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/role`,
      },
      asked: () => asked,
    };
  }

  const keyPair = (nth: number) => ({
    AccessKeyId: `ROLE${nth}`,
    SecretAccessKey: 'verysecret',
    Token: `token${nth}`,
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  });

  test('a role’s credentials that expire in the middle are renewed', async () => {
    const role = await startRole(keyPair);
    const faults = [{ match: { operation: 'UploadPart', nth: 2 }, do: 'expired-token' }] as const;
    const { server, destination } = await stage({ faults }, { env: role.env });
    await destination.store('x', inChunks(large, CHUNK), calm);
    expect(role.asked()).toBe(2);
    expect(server.requests.at(-1)?.accessKey).toBe('ROLE2');
    expect(server.objects()).toHaveLength(1);
  });

  test('those from the environment cannot be renewed, and are refused', async () => {
    const faults = [{ match: { operation: 'UploadPart', from: 2 }, do: 'expired-token' }] as const;
    const { server, destination } = await stage({ faults }, { env: { AWS_SESSION_TOKEN: 'old' } });
    await expect(destination.store('x', inChunks(large, CHUNK), calm)).rejects.toThrow(PermanentError);
    expect(server.uploads()).toEqual([]);
  });

  test('an endpoint that hangs once is asked again', async () => {
    const role = await startRole(nth => (nth === 1 ? 'hang' : keyPair(nth)));
    const { destination } = await stage({}, { env: role.env });
    await destination.store('x', inChunks(large, CHUNK), { signal, stallMs: 6000 });
    expect(role.asked()).toBe(2);
  });

  test('an endpoint that hangs for ever is given up after the stall time', async () => {
    const role = await startRole(() => 'hang');
    const { destination } = await stage({}, { env: role.env });
    const storing = destination.store('x', inChunks(large, CHUNK), { signal, stallMs: 600 });
    await expect(storing).rejects.toThrow('no byte has moved for 0.6 s');
  });

  test('never appear in errors', async () => {
    const details = { headers: { authorization: 'verysecret' } };
    const faults = [{ do: 'error', status: 403, code: 'SignatureDoesNotMatch', ...details }] as const;
    const { destination } = await stage({ faults });
    const error = await destination.put('x', bytesOf(1), { signal }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PermanentError);
    expect(inspect(error)).not.toMatch(/verysecret|AKIDTEST|authorization/i);
  });
});

describe('what is sent along', () => {
  let server: S3Server;
  beforeEach(() => {
    toClose = [];
  });

  async function headersOf(options: OpenOptions) {
    const opened = await stage({}, options);
    server = opened.server;
    await opened.destination.store('large', inChunks(large, CHUNK), calm);
    await opened.destination.put('small', bytesOf(3), { signal });
    return server.requests.map(({ operation, headers }) => ({ operation, headers }));
  }

  test('CRC32 checksums by default, of every part', async () => {
    const requests = await headersOf({});
    for (const { operation, headers } of requests)
      if (['UploadPart', 'PutObject'].includes(operation))
        expect(headers['x-amz-checksum-crc32']).toMatch(/^.{6}==$/);
    expect(requests[0]?.headers['x-amz-checksum-algorithm']).toBe('CRC32');
  });

  test('no checksums with AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED', async () => {
    const requests = await headersOf({ env: { AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_REQUIRED' } });
    for (const { headers } of requests)
      expect(Object.keys(headers).filter(name => name.includes('checksum'))).toEqual([]);
  });

  test('the encryption that is asked for, and the expected owner on every request', async () => {
    const encryption = { algorithm: 'aws:kms', kmsKeyId: 'my-key' } as const;
    const requests = await headersOf({ s3: { encryption, expectedOwner: '123456789012' } });
    for (const { operation, headers } of requests) {
      expect(headers['x-amz-expected-bucket-owner']).toBe('123456789012');
      if (!['CreateMultipartUpload', 'PutObject'].includes(operation)) continue;
      expect(headers['x-amz-server-side-encryption']).toBe('aws:kms');
      expect(headers['x-amz-server-side-encryption-aws-kms-key-id']).toBe('my-key');
    }
  });

  test('If-None-Match with everything that must not overwrite', async () => {
    const requests = await headersOf({});
    const conditional = requests.filter(({ headers }) => headers['if-none-match'] === '*');
    expect(conditional.map(({ operation }) => operation)).toEqual(['CompleteMultipartUpload']);
  });

  test('bodies on connections that are kept, without waiting for a 100 Continue', async () => {
    const requests = await headersOf({});
    for (const { headers } of requests) {
      expect(headers.expect).toBeUndefined();
      expect(headers.connection).toBe('keep-alive');
    }
  });
});
