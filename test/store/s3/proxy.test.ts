import http from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { type ProxyConfig, proxiedAgents } from '../../../src/runtime/proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { type ProxyOptions, startProxy, startTlsFront } from '../../support/proxy.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { openSessionFixture } from '../../support/session.ts';
import { CERTIFICATE, trustCertificate } from '../../support/tls.ts';
import { bytesOf, digestOf, digestOfBytes, inChunks } from '../archives.ts';
import { openTestStore } from './support.ts';

const signal = new AbortController().signal;
const CHUNK = 5 * 1024 * 1024;
const large = bytesOf(2 * CHUNK + 1);

async function startS3() {
  const server = await startS3Server();
  onTestFinished(() => server.close());
  return { server, port: Number(new URL(server.url).port) };
}

async function openProxy(options: ProxyOptions) {
  const proxy = await startProxy(options);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

async function openThrough(endpoint: string, proxy: ProxyConfig) {
  const store = await openTestStore(endpoint, { s3: { proxy } });
  onTestFinished(() => store.close());
  return store;
}

test('an archive goes to an https:// endpoint through a tunnel, on connections that are kept', async () => {
  const { server, front } = await startTlsS3();
  const proxy = await openProxy({ to: front, credentials: 'me:p@ss' });
  const https = proxy.url.replace('//', '//me:p%40ss@');
  const store = await openThrough('https://s3.test', { http: undefined, https, except: [] });
  await store.store('logs.tar.gz', inChunks(large, CHUNK), { signal, stallMs: 20_000 });
  expect(await digestOf(await store.get('logs.tar.gz', signal))).toBe(digestOfBytes(large));
  expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT s3.test:443']));
  expect(proxy.requests.length).toBeLessThan(server.requests.length);
});

async function startTlsS3() {
  const { server, port } = await startS3();
  const front = await startTlsFront({ port });
  onTestFinished(() => front[Symbol.asyncDispose]());
  const trusting = trustCertificate();
  onTestFinished(() => trusting[Symbol.dispose]());
  return { server, front };
}

test('an archive goes to an http:// endpoint through the proxy for those', async () => {
  const { server, port } = await startS3();
  const proxy = await openProxy({ to: { port } });
  const store = await openThrough('http://s3.test', { http: proxy.url, https: undefined, except: [] });
  await store.store('logs.tar.gz', inChunks(large, CHUNK), { signal, stallMs: 20_000 });
  expect(server.objects()).toMatchObject([{ bytes: large.length }]);
  expect(proxy.requests).toHaveLength(server.requests.length);
  expect(proxy.requests[0]).toMatch(/^POST http:\/\/s3\.test\/bucket\//);
});

test('what is on this machine is reached without it', async () => {
  const { server, port } = await startS3();
  const proxy = await openProxy({ to: { port } });
  const store = await openThrough(server.url, { http: proxy.url, https: proxy.url, except: [] });
  await store.put('a', large, { signal });
  expect(proxy.requests).toEqual([]);
  expect(server.objects()).toHaveLength(1);
});

test.for(['http', 'https'] as const)('a proxy that refuses %s is no store to wait for', async scheme => {
  const proxy = await openProxy({ to: { port: 1 }, credentials: 'me:right' });
  const url = proxy.url.replace('//', '//me:wrong@');
  const store = await openThrough(`${scheme}://s3.test`, { http: url, https: url, except: [] });
  const error = await store.put('a', bytesOf(1), { signal }).catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    name: 'PermanentError',
    message: expect.stringContaining('407'),
    remedy: expect.stringContaining('HTTPS_PROXY'),
  });
  expect(String(error)).not.toContain('wrong');
});

test('a proxy that never answers leaves nothing behind', { tags: ['slow'] }, async () => {
  const proxy = await openProxy({ to: { port: 1 }, hangs: true });
  const store = await openThrough('https://s3.test', { http: undefined, https: proxy.url, except: [] });
  const abort = new AbortController();
  const putting = store.put('a', bytesOf(1), { signal: abort.signal });
  await eventually(() => proxy.requests.length > 0);
  abort.abort(new Error('enough'));
  await expect(putting).rejects.toThrow('enough');
  store.close();
  await eventually(async () => (await proxy.connections()) === 0);
});

test('an answer through a tunnel may take longer than the tunnel', {
  tags: ['slow'],
  timeout: 40_000,
}, async () => {
  const { server, front } = await startTlsS3();
  const proxy = await openProxy({ to: front });
  const store = await openThrough('https://s3.test', { http: undefined, https: proxy.url, except: [] });
  await store.put('before', bytesOf(9), { signal });
  const operation = ['PutObject', 'GetObject', 'HeadObject'] as const;
  server.setFaults([{ match: { operation }, do: 'late-answer', delayMs: 11_000 }]);
  const [got, isThere] = await Promise.all([
    store.get('before', signal).then(digestOf),
    store.exists('before', signal),
    // The first of a tunnel of its own.
    store.put('after', bytesOf(9), { signal }),
  ]);
  expect({ got, isThere }).toEqual({ got: digestOfBytes(bytesOf(9)), isThere: true });
  // None was asked for again.
  expect(server.requests).toHaveLength(4);
});

test.for<[host: string, except: string, way: 'direct' | 'proxied']>([
  ['s3.test', '', 'proxied'],
  ['s3.test', 's3.test', 'direct'],
  ['a.s3.test', 's3.test', 'direct'],
  ['as3.test', 's3.test', 'proxied'],
  ['s3.test', '.s3.test', 'direct'],
  ['a.s3.test', '.s3.test', 'direct'],
  ['a.s3.test', '*.s3.test', 'direct'],
  ['S3.test', 's3.TEST', 'direct'],
  ['s3.test', 'other.test,s3.test', 'direct'],
  ['s3.test', 's3.test:1', 'proxied'],
  ['s3.test', '*', 'direct'],
  ['localhost', '', 'direct'],
  ['127.0.0.1', '', 'direct'],
])('%s with NO_PROXY="%s" is asked: %s', async ([host, except, way]) => {
  const answering = (answer: string) =>
    new Promise<number>(resolve => {
      const server = http.createServer((_, response) => void response.end(answer));
      onTestFinished(() => void server.close());
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  const [direct, proxied] = [await answering('direct'), await answering('proxied')];
  const proxy = `http://127.0.0.1:${proxied}`;
  const agents = proxiedAgents({ http: proxy, https: undefined, except: except.split(',').filter(Boolean) });
  const agent = new http.Agent({
    ...agents?.httpAgent,
    lookup: (_, __, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get({ host, port: direct, agent }, resolve).on('error', reject);
  });
  expect(await text(answer)).toBe(way);
});

test('networks are excepted, and the endpoints of credentials always', () => {
  const agents = proxiedAgents({
    http: 'http://p',
    https: undefined,
    except: ['10.0.0.0/8', '192.168.7.5/24'],
  });
  expect(agents?.httpAgent.proxyEnv?.NO_PROXY?.split(',')).toEqual(
    expect.arrayContaining([
      '10.0.0.0-10.255.255.255',
      '192.168.7.0-192.168.7.255',
      '127.0.0.0-127.255.255.255',
      '169.254.0.0-169.254.255.255',
    ]),
  );
});

test('the command takes it from the environment, with a CA of the network’s own', {
  tags: ['slow'],
}, async () => {
  const { port } = await startS3();
  const front = await startTlsFront({ port });
  onTestFinished(() => front[Symbol.asyncDispose]());
  const proxy = await openProxy({ to: front, credentials: 'me:topsecret' });
  await using fixture = await openSessionFixture();
  const environment = {
    SESSION_DESTINATION: 's3://bucket/sessions',
    SESSION_S3_PATH_STYLE: '1',
    AWS_ENDPOINT_URL_S3: 'https://s3.test',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDTEST',
    AWS_SECRET_ACCESS_KEY: 'sessions',
    NODE_EXTRA_CA_CERTS: CERTIFICATE,
  };
  const lower = { ...environment, https_proxy: proxy.url.replace('//', '//me:topsecret@') };
  const doctor = fixture.start(lower, 'doctor');
  await doctor.ended();
  expect(doctor.stdout()).toContain('s3://bucket/sessions takes archives');
  expect(proxy.requests[0]).toBe('CONNECT s3.test:443');
  const session = fixture.start({
    ...environment,
    HTTPS_PROXY: proxy.url.replace('//', '//me:wrongsecret@'),
  });
  expect((await session.ended()).code).toBe(64);
  for (const { stdout, stderr } of [doctor, session])
    expect(stdout() + stderr()).not.toMatch(/topsecret|wrongsecret/);
});
