import { expect, onTestFinished, test } from 'vitest';
import { logRetries, printRetries } from '../../src/store/retry-log.ts';
import { eventually } from '../support/eventually.ts';
import { startS3Server } from '../support/s3-server.ts';
import { bytesOf, inChunks } from './archives.ts';
import { openTestStore } from './s3/support.ts';

const signal = new AbortController().signal;
const CHUNK = 5 * 1024 * 1024;

async function stage() {
  const server = await startS3Server();
  onTestFinished(() => server.close());
  const lines: [level: string, fields: object, text: string][] = [];
  const observer = logRetries({
    warn: (fields: object, text: string) => void lines.push(['warn', fields, text]),
    info: (fields: object, text: string) => void lines.push(['info', fields, text]),
  } as Parameters<typeof logRetries>[0]);
  const store = await openTestStore(server.url, observer);
  onTestFinished(() => store.close());
  return { server, store, lines };
}

test('an outage of many requests is told once when it begins, and once when it ends', async () => {
  const { server, store, lines } = await stage();
  server.setFaults([{ do: '503' }]);
  const uploading = store.store('large', inChunks(bytesOf(3 * CHUNK), CHUNK), { signal, stallMs: 60_000 });
  const putting = ['a', 'b', 'c', 'd'].map(key => store.put(key, bytesOf(1), { signal }));
  await eventually(() => server.requests.length > 12);
  server.setFaults([]);
  await Promise.all([uploading, ...putting]);
  expect(lines.map(([level]) => level)).toEqual(['warn', 'info']);
  expect(lines[0]?.[1]).toMatchObject({
    event: 'request_retry',
    why: expect.stringContaining('ServiceUnavailable'),
  });
  expect(lines[1]?.[1]).toMatchObject({ event: 'request_recovered', retries: expect.any(Number) });
  const refused = server.requests.filter(({ status }) => status === 503);
  expect(lines[1]?.[1]).toMatchObject({ retries: refused.length });
});

test('one that outlasts a request is ended by the next success', async () => {
  const { server, store, lines } = await stage();
  server.setFaults([{ do: '503' }]);
  const abort = new AbortController();
  const putting = store.put('a', bytesOf(1), { signal: abort.signal });
  await eventually(() => server.requests.length > 1);
  abort.abort(new Error('the deadline'));
  await expect(putting).rejects.toThrow('the deadline');
  expect(lines.map(([level]) => level)).toEqual(['warn']);
  server.setFaults([]);
  await store.put('a', bytesOf(1), { signal });
  expect(lines.map(([level]) => level)).toEqual(['warn', 'info']);
});

test('a clock and a region are told in words', () => {
  const lines: string[] = [];
  const observer = printRetries(line => void lines.push(line));
  observer.onClockOff?.({ aheadMs: -1_200_000 });
  observer.onClockOff?.({ aheadMs: 300_000 });
  observer.onRegionFollowed?.({ bucket: 'b', configured: 'us-east-1', actual: 'eu-west-1' });
  expect(lines).toEqual([
    "this machine's clock is 20.0 min ahead of the store's: requests are signed by the store's",
    "this machine's clock is 5.0 min behind the store's: requests are signed by the store's",
    'the bucket b is in eu-west-1, not in us-east-1: requests go there',
  ]);
});
