/** @module-tag slow */

import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type Fault, type S3Server, startS3Server } from '../../support/s3-server.ts';

const MiB = 1024 * 1024;

/** What the stand-in refuses, S3 refuses: else the tests beside this one prove nothing. */
describe('the tests’ own S3', () => {
  let server: S3Server;
  beforeEach(async () => {
    server = await startS3Server();
  });
  afterEach(() => server.close());

  async function ask(
    method: string,
    path: string,
    body?: Buffer | string,
    headers: Record<string, string> = {},
  ) {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: new Uint8Array(Buffer.from(body)) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      code: /<Code>(.*?)<\/Code>/.exec(text)?.[1],
      text,
      headers: response.headers,
    };
  }

  async function begin(): Promise<string> {
    const { text } = await ask('POST', '/bucket/key?uploads');
    return /<UploadId>(.*?)<\/UploadId>/.exec(text)?.[1] ?? '';
  }

  async function complete(id: string, parts: readonly (readonly [number, string])[], headers = {}) {
    const listed = parts.map(([n, etag]) => `<Part><PartNumber>${n}</PartNumber><ETag>${etag}</ETag></Part>`);
    return ask(
      'POST',
      `/bucket/key?uploadId=${id}`,
      `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`,
      headers,
    );
  }

  async function part(id: string, number: number, bytes: number): Promise<string> {
    const { headers } = await ask(
      'PUT',
      `/bucket/key?partNumber=${number}&uploadId=${id}`,
      Buffer.alloc(bytes, number),
    );
    return headers.get('etag') ?? '';
  }

  test('refuses parts under 5 MiB, but the last', async () => {
    const id = await begin();
    const small = [await part(id, 1, 5 * MiB - 1), await part(id, 2, 1)] as const;
    expect(
      await complete(id, [
        [1, small[0]],
        [2, small[1]],
      ]),
    ).toMatchObject({ status: 400, code: 'EntityTooSmall' });
    const enough = await part(id, 1, 5 * MiB);
    expect(
      await complete(id, [
        [1, enough],
        [2, small[1]],
      ]),
    ).toMatchObject({ status: 200 });
    expect(server.objects()).toMatchObject([{ key: 'key', bytes: 5 * MiB + 1, parts: 2 }]);
    expect(server.uploads()).toEqual([]);
  });

  test('refuses part 10,001 and part 0', async () => {
    const id = await begin();
    for (const number of [0, 10_001])
      expect(await ask('PUT', `/bucket/key?partNumber=${number}&uploadId=${id}`, 'x')).toMatchObject({
        code: 'InvalidArgument',
      });
    expect(await ask('PUT', `/bucket/key?partNumber=10000&uploadId=${id}`, 'x')).toMatchObject({
      status: 200,
    });
  });

  test('refuses wrong ETags, parts out of order and parts that were never sent', async () => {
    const id = await begin();
    const etags = [await part(id, 1, 5 * MiB), await part(id, 2, 5 * MiB)] as const;
    expect(await complete(id, [[1, etags[1]]])).toMatchObject({ code: 'InvalidPart' });
    expect(
      await complete(id, [
        [2, etags[1]],
        [1, etags[0]],
      ]),
    ).toMatchObject({ code: 'InvalidPartOrder' });
    expect(await complete(id, [[3, etags[0]]])).toMatchObject({ code: 'InvalidPart' });
    expect(await complete(id, [])).toMatchObject({ code: 'MalformedXML' });
  });

  test('refuses to overwrite under If-None-Match', async () => {
    const ifAbsent = { 'if-none-match': '*' };
    expect(await ask('PUT', '/bucket/key', 'one', ifAbsent)).toMatchObject({ status: 200 });
    expect(await ask('PUT', '/bucket/key', 'two', ifAbsent)).toMatchObject({
      status: 412,
      code: 'PreconditionFailed',
    });
    const id = await begin();
    const etag = await part(id, 1, 10);
    expect(await complete(id, [[1, etag]], ifAbsent)).toMatchObject({ status: 412 });
    expect((await ask('GET', '/bucket/key')).text).toBe('one');
    expect(server.uploads()).toHaveLength(1);
  });

  test('refuses buckets, keys and uploads that it does not know', async () => {
    expect(await ask('PUT', '/nowhere/key', 'x')).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    expect(await ask('GET', '/bucket/nothing')).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect(await ask('PUT', '/bucket/key?partNumber=1&uploadId=none', 'x')).toMatchObject({
      code: 'NoSuchUpload',
    });
    expect(await complete('none', [[1, 'x']])).toMatchObject({ code: 'NoSuchUpload' });
    expect(await ask('DELETE', '/bucket/key?uploadId=none')).toMatchObject({ code: 'NoSuchUpload' });
  });

  test('refuses bodies that do not match their checksums', async () => {
    const wrong = { 'x-amz-checksum-crc32': 'AAAAAA==' };
    expect(await ask('PUT', '/bucket/key', 'x', wrong)).toMatchObject({ code: 'BadDigest' });
    const md5 = { 'content-md5': createHash('md5').update('y').digest('base64') };
    expect(await ask('PUT', '/bucket/key', 'x', md5)).toMatchObject({ code: 'BadDigest' });
    const sha256 = { 'x-amz-content-sha256': createHash('sha256').update('y').digest('hex') };
    expect(await ask('PUT', '/bucket/key', 'x', sha256)).toMatchObject({ code: 'XAmzContentSHA256Mismatch' });
    expect(server.objects()).toEqual([]);
  });

  test('takes the framing off aws-chunked bodies and checks their trailers', async () => {
    const data = 'hello chunked world';
    const crc32 = Buffer.alloc(4);
    crc32.writeUInt32BE(zlib.crc32(data));
    const framed = (crc: string) =>
      `5\r\n${data.slice(0, 5)}\r\n${(data.length - 5).toString(16)}\r\n${data.slice(5)}\r\n0\r\nx-amz-checksum-crc32:${crc}\r\n\r\n`;
    const headers = {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': `${data.length}`,
    };
    expect(await ask('PUT', '/bucket/key', framed(crc32.toString('base64')), headers)).toMatchObject({
      status: 200,
    });
    expect((await ask('GET', '/bucket/key')).text).toBe(data);
    expect(await ask('PUT', '/bucket/key', framed('AAAAAA=='), headers)).toMatchObject({ code: 'BadDigest' });
  });

  test('serves ranges and refuses those beyond the end', async () => {
    await ask('PUT', '/bucket/key', '0123456789');
    expect(await ask('GET', '/bucket/key', undefined, { range: 'bytes=3-5' })).toMatchObject({
      status: 206,
      text: '345',
    });
    expect(await ask('GET', '/bucket/key', undefined, { range: 'bytes=7-' })).toMatchObject({
      status: 206,
      text: '789',
    });
    expect(await ask('GET', '/bucket/key', undefined, { range: 'bytes=10-' })).toMatchObject({ status: 416 });
  });

  test('refuses DeleteObjects without a checksum', async () => {
    const body = '<Delete><Object><Key>key</Key></Object></Delete>';
    expect(await ask('POST', '/bucket?delete', body)).toMatchObject({ code: 'InvalidRequest' });
  });

  test('fails as it is told over its own endpoint, and tells its state', async () => {
    const rules = [{ match: { operation: 'PutObject', nth: 2 }, do: '503' }];
    await ask('PUT', '/_faults', JSON.stringify(rules));
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await ask('PUT', `/bucket/${i}`, 'x')).status);
    expect(statuses).toEqual([200, 503, 200]);
    const state = JSON.parse((await ask('GET', '/_state')).text);
    expect(state).toMatchObject({
      counts: { PutObject: 3 },
      uploads: [],
      objects: [{ key: '0' }, { key: '2' }],
    });
  });

  test('gives what KMS encrypts an ETag that is no MD5', async () => {
    const kms = { 'x-amz-server-side-encryption': 'aws:kms' };
    const md5 = createHash('md5').update('hello').digest('hex');
    const put = await ask('PUT', '/bucket/key', 'hello', kms);
    expect(put.headers.get('etag')).not.toBe(`"${md5}"`);
    const head = await ask('HEAD', '/bucket/key');
    expect(head.headers.get('etag')).toBe(put.headers.get('etag'));
  });

  test('sends white space before an answer, which may be an error in a 200', async () => {
    const rule = { do: 'white-space', delayMs: 200, code: 'InternalError', end: '\n' } as const;
    server.setFaults([{ match: { nth: 1 }, ...rule }]);
    const { status, text, code } = await ask('PUT', '/bucket/key', 'x');
    expect({ status, code }).toEqual({ status: 200, code: 'InternalError' });
    expect(text).toMatch(/^ +<\?xml[\s\S]*<\/Error>\n$/);
    expect(server.objects()).toEqual([]);
  });

  test('does what is asked and answers late, or without Content-Length', async () => {
    server.setFaults([
      { match: { operation: 'PutObject' }, do: 'late-answer', delayMs: 60_000 },
      { match: { operation: 'HeadObject', nth: 1 }, do: 'no-length' },
    ]);
    const leave = new AbortController();
    const left = fetch(`${server.url}/bucket/key`, { method: 'PUT', body: 'x', signal: leave.signal });
    await eventually(() => server.objects().length === 1);
    leave.abort();
    await expect(left).rejects.toThrow();
    await eventually(() => server.requests[0]?.isCutOff);
    const lengths: (string | null)[] = [];
    for (let i = 0; i < 2; i += 1)
      lengths.push((await ask('HEAD', '/bucket/key')).headers.get('content-length'));
    expect(lengths).toEqual([null, '1']);
  });

  test('can discard bodies and still knows their sizes and ETags', async () => {
    const frugal = await startS3Server({ keepBodies: false });
    onTestFinished(() => frugal.close());
    const { headers } = await fetch(`${frugal.url}/bucket/key`, { method: 'PUT', body: 'hello' });
    expect(headers.get('etag')).toBe(`"${createHash('md5').update('hello').digest('hex')}"`);
    expect(frugal.objects()).toMatchObject([{ bytes: 5 }]);
  });

  test('refuses what is signed by another clock, and tells its own', async () => {
    const ahead = await startS3Server({ clockAheadMs: 1_200_000 });
    onTestFinished(() => ahead.close());
    const at = (ms: number) => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const signed = (ms: number) =>
      fetch(`${ahead.url}/bucket/key`, { method: 'PUT', body: 'x', headers: { 'x-amz-date': at(ms) } });
    const refused = await signed(Date.now());
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain('RequestTimeTooSkewed');
    expect((await signed(Date.parse(refused.headers.get('date') ?? ''))).status).toBe(200);
  });

  test.for([400, 301, 307] as const)('refuses another region by a %i that names its own', async status => {
    const elsewhere = await startS3Server({ region: 'eu-west-1', regionRefusal: status });
    onTestFinished(() => elsewhere.close());
    const asked = await fetch(`${elsewhere.url}/bucket/key`, { method: 'HEAD', redirect: 'manual' });
    expect([asked.status, asked.headers.get('x-amz-bucket-region')]).toEqual([status, 'eu-west-1']);
  });

  test('refuses those who expect another owner', async () => {
    const owned = await startS3Server({ owner: '111111111111' });
    onTestFinished(() => owned.close());
    const put = (owner: string) => {
      const headers = { 'x-amz-expected-bucket-owner': owner };
      return fetch(`${owned.url}/bucket/key`, { method: 'PUT', body: 'x', headers });
    };
    expect([(await put('111111111111')).status, (await put('222222222222')).status]).toEqual([200, 403]);
  });

  test('gives the checksum of a whole object to whoever asks for it', async () => {
    await ask('PUT', '/bucket/key', '0123456789');
    const mode = { 'x-amz-checksum-mode': 'ENABLED' };
    const whole = await ask('GET', '/bucket/key', undefined, mode);
    expect(whole.headers.get('x-amz-checksum-crc32')).toMatch(/^.{6}==$/);
    const part = await ask('GET', '/bucket/key', undefined, { ...mode, range: 'bytes=1-' });
    expect(part.headers.get('x-amz-checksum-crc32')).toBeNull();
  });

  test('spoils answers as it is told', async () => {
    const zipped = zlib.gzipSync('0123456789');
    await ask('PUT', '/bucket/key', zipped);
    const read = async (fault: Fault, headers: Record<string, string> = {}) => {
      server.setFaults([{ do: fault }]);
      const response = await fetch(`${server.url}/bucket/key`, { headers });
      const bytes = Buffer.from(await response.arrayBuffer());
      return { status: response.status, bytes, announced: Number(response.headers.get('content-length')) };
    };
    expect(await read('ignore-range', { range: 'bytes=3-' })).toMatchObject({ status: 200, bytes: zipped });
    await expect(read('cut')).rejects.toThrow();
    expect((await read('short')).bytes).toEqual(zipped.subarray(0, zipped.length / 2));
    const flipped = await read('flip');
    expect(flipped.announced).toBe(zipped.length);
    expect(flipped.bytes).not.toEqual(zipped);
    expect((await read('unzip', { 'accept-encoding': 'identity' })).bytes.toString()).toBe('0123456789');
    expect((await read('unzip', { 'accept-encoding': 'gzip' })).bytes).toEqual(zipped);
    expect(await read('page')).toMatchObject({ status: 502 });
  });

  test('forgets the token of a listing that has more', async () => {
    for (const key of ['a', 'b', 'c']) await ask('PUT', `/bucket/${key}`, 'x');
    server.setFaults([{ match: { operation: 'ListObjectsV2' }, do: 'same-page' }]);
    for (const after of ['', 'b']) {
      const { text } = await ask('GET', `/bucket?list-type=2&max-keys=2&start-after=${after}`);
      expect(text).toContain('<IsTruncated>true</IsTruncated>');
      expect(text).toContain('<Key>a</Key>');
      expect(text).not.toContain('NextContinuationToken');
    }
  });
});
