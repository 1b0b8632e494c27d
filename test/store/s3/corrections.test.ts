import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ClockEvent, RegionEvent } from '../../../src/store/observer.ts';
import type { RetryEvent } from '../../../src/store/retry.ts';
import { PermanentError } from '../../../src/store/store.ts';
import { type S3ServerOptions, startS3Server } from '../../support/s3-server.ts';
import { bytesOf, digestOf, digestOfBytes, inChunks } from '../archives.ts';
import { type OpenOptions, openTestStore } from './support.ts';

const signal = new AbortController().signal;
const calm = { signal, stallMs: 20_000 };
const CHUNK = 5 * 1024 * 1024;
const MINUTE = 60_000;
const large = bytesOf(2 * CHUNK + 1);

async function stage(serverOptions: S3ServerOptions, options: OpenOptions = {}) {
  const server = await startS3Server(serverOptions);
  onTestFinished(() => server.close());
  const [clocks, regions, retries]: [ClockEvent[], RegionEvent[], RetryEvent[]] = [[], [], []];
  const store = await openTestStore(server.url, {
    onClockOff: event => void clocks.push(event),
    onRegionFollowed: event => void regions.push(event),
    onRetry: event => void retries.push(event),
    ...options,
  });
  onTestFinished(() => store.close());
  return { server, store, clocks, regions, retries };
}

/** Everything that a session does with its store. */
async function useAll({ store }: Awaited<ReturnType<typeof stage>>): Promise<void> {
  expect(await store.check(signal)).toEqual({ state: 'ok' });
  expect(await store.exists('logs.tar.gz', signal)).toBe(false);
  await store.put('journal/1', bytesOf(10), { signal, ifAbsent: true });
  await store.store('logs.tar.gz', inChunks(large, CHUNK), calm);
  expect(await digestOf(await store.get('logs.tar.gz', signal))).toBe(digestOfBytes(large));
  expect(await store.get('nothing', signal)).toBeUndefined();
  const link = await store.linkTo('logs.tar.gz', { signal, fileName: 'logs of: "me"', expiresInS: 600 });
  const linked = await fetch(link ?? '');
  expect([linked.status, (await linked.arrayBuffer()).byteLength]).toEqual([200, large.length]);
  const keys: string[] = [];
  for await (const { key } of store.list('', signal)) keys.push(key);
  expect(keys).toEqual(['journal/1', 'logs.tar.gz']);
  await store.delete(['journal/1'], signal);
}

test.for([5, -5, 14, 40, -40, 24 * 60])(
  'a store whose clock is %i minutes ahead is used like any other, and the difference is told once',
  async minutes => {
    const staged = await stage({ clockAheadMs: minutes * MINUTE });
    await useAll(staged);
    expect(staged.clocks).toHaveLength(1);
    expect(Math.round((staged.clocks[0]?.aheadMs ?? 0) / MINUTE)).toBe(minutes);
    expect(staged.retries).toEqual([]);
    const refused = staged.server.requests.filter(({ status }) => status === 403);
    expect(refused).toHaveLength(Math.abs(minutes) > 15 ? 1 : 0);
  },
);

test.for([
  [0, 40, 40],
  [40, 80, 40],
  [40, 0, 40],
  [40, -40, 40],
] as const)(
  'a store whose clock goes from %i minutes ahead to %i in the middle of an archive: %i are told, once',
  { tags: ['slow'] },
  async ([before, after, told]) => {
    const staged = await stage({ clockAheadMs: before * MINUTE });
    const { server, store, clocks, retries } = staged;
    await store.put('before', bytesOf(1), { signal });
    async function* moving() {
      for await (const chunk of inChunks(large, CHUNK)) {
        yield chunk;
        server.setClockAheadMs(after * MINUTE);
      }
    }
    await store.store('logs.tar.gz', moving(), calm);
    expect(await digestOf(await store.get('logs.tar.gz', signal))).toBe(digestOfBytes(large));
    await store.delete(['before', 'logs.tar.gz'], signal);
    await useAll(staged);
    expect(clocks.map(({ aheadMs }) => Math.round(aheadMs / MINUTE))).toEqual([told]);
    expect(retries).toEqual([]);
    // Requests that were under way at the same time are all corrected by the first answer.
    const refused = server.requests.filter(({ status }) => status === 403);
    expect(refused.length).toBeGreaterThan(before === 0 ? 0 : 1);
    expect(refused.length).toBeLessThanOrEqual(4);
  },
);

test('a HEAD that comes first is signed again by the store’s clock', async () => {
  const { store, server } = await stage({ clockAheadMs: 40 * MINUTE });
  expect(await store.exists('nothing', signal)).toBe(false);
  expect(server.requests.map(({ status }) => status)).toEqual([403, 404]);
});

test('a denial stays one, whatever the clock says', async () => {
  const { store, server } = await stage({
    clockAheadMs: 5 * MINUTE,
    faults: [{ match: { operation: ['PutObject', 'HeadObject'] }, do: 'deny' }],
  });
  await expect(store.put('a', bytesOf(1), { signal })).rejects.toThrow(PermanentError);
  expect(await store.exists('a', signal)).toBe('unknown');
  expect(server.counts.PutObject).toBeLessThanOrEqual(2);
});

test.for([400, 301, 307] as const)(
  'a bucket in another region, told by a %i, is followed, and told once',
  async regionRefusal => {
    const staged = await stage({ region: 'eu-west-1', regionRefusal }, { env: { AWS_REGION: 'us-west-2' } });
    await useAll(staged);
    expect(staged.regions).toEqual([{ bucket: 'bucket', configured: 'us-west-2', actual: 'eu-west-1' }]);
    expect(staged.retries).toEqual([]);
    expect(staged.server.requests.filter(({ status }) => status === regionRefusal)).toHaveLength(1);
  },
);

test.for([400, 301, 307] as const)('and by a HEAD that comes first', async regionRefusal => {
  const { store, server } = await stage({ region: 'eu-west-1', regionRefusal });
  expect(await store.exists('nothing', signal)).toBe(false);
  expect(server.requests.map(({ status }) => status)).toEqual([regionRefusal, 404]);
});

test('several parts that are sent to another region at once are all followed', async () => {
  const { store, server, regions } = await stage({ region: 'eu-west-1' });
  await Promise.all([1, 2, 3, 4, 5].map(n => store.put(`${n}`, bytesOf(1), { signal })));
  expect(server.objects()).toHaveLength(5);
  expect(regions).toHaveLength(1);
});

test('a store that sends from region to region is given up', async () => {
  const headers = { 'x-amz-bucket-region': 'eu-west-1' };
  const faults = [
    { match: { every: 2 }, do: 'error', status: 301, code: 'PermanentRedirect', headers },
    {
      do: 'error',
      status: 301,
      code: 'PermanentRedirect',
      headers: { 'x-amz-bucket-region': 'eu-west-2' },
    },
  ] as const;
  const { store } = await stage({ faults });
  await expect(store.put('a', bytesOf(1), { signal })).rejects.toThrow(PermanentError);
});

test('a 307 in the bucket’s own region passes: its name is not known everywhere yet', async () => {
  const headers = { 'x-amz-bucket-region': 'us-east-1', location: 'https://bucket.s3.amazonaws.com/' };
  const rule = { do: 'error', status: 307, code: 'TemporaryRedirect', headers } as const;
  const { store, retries } = await stage({ faults: [{ match: { upTo: 2 }, ...rule }] });
  await store.put('a', bytesOf(1), { signal });
  expect(retries).toHaveLength(2);
});

/** What ECS answers a task that has a role: other credentials each time. */
async function startRole() {
  let asked = 0;
  const role = http.createServer((_, response) => {
    asked += 1;
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    const pair = { AccessKeyId: `ROLE${asked}`, SecretAccessKey: 'verysecret', Token: `token${asked}` };
    response.end(JSON.stringify({ ...pair, Expiration }));
  });
  await new Promise<void>(resolve => role.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    role.closeAllConnections();
    role.close();
  });
  const url = `http://127.0.0.1:${(role.address() as AddressInfo).port}/role`;
  return { AWS_ACCESS_KEY_ID: undefined, AWS_CONTAINER_CREDENTIALS_FULL_URI: url };
}

test('a HEAD whose token has expired, which says so by a bare 400, is sent with new credentials', async () => {
  const faults = [{ match: { operation: 'HeadObject', nth: 1 }, do: 'expired-token' }] as const;
  const { store, server, retries } = await stage({ faults }, { env: await startRole() });
  await store.store('logs.tar.gz', inChunks(bytesOf(9), CHUNK), calm);
  expect(await store.exists('logs.tar.gz', signal)).toBe(true);
  const heads = server.requests.filter(({ operation }) => operation === 'HeadObject');
  expect(heads.map(({ status, accessKey }) => [status, accessKey]).slice(0, 2)).toEqual([
    [400, 'ROLE1'],
    [200, 'ROLE2'],
  ]);
  expect(retries).toEqual([]);
});

test('a HEAD that is always answered so is given up, with what to do', async () => {
  const faults = [{ match: { operation: 'HeadObject' }, do: 'expired-token' }] as const;
  const { store, server } = await stage({ faults }, { env: await startRole() });
  await expect(store.exists('a', signal)).rejects.toMatchObject({
    name: 'PermanentError',
    message: expect.stringContaining('HTTP 400'),
  });
  expect(server.counts.HeadObject).toBeLessThan(6);
  const env = { AWS_SESSION_TOKEN: 'old' };
  const fixed = await stage({ faults }, { env });
  await expect(fixed.store.exists('a', signal)).rejects.toMatchObject({
    remedy: expect.stringContaining('not expired'),
  });
});
