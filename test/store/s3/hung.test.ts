/** @module-tag slow */

import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startS3Server } from '../../support/s3-server.ts';
import { openTestStore } from './support.ts';

const signal = new AbortController().signal;

test('the check of a store that never answers ends by itself', async () => {
  const server = await startS3Server({ faults: [{ do: 'stall' }] });
  onTestFinished(() => server.close());
  const destination = await openTestStore(server.url);
  onTestFinished(() => destination.close());
  expect(await destination.check(signal)).toEqual({ state: 'unavailable', why: 'no answer for 4 s' });
});

test('the check with a credentials endpoint that never answers ends by itself', async () => {
  const endpoint = http.createServer(() => undefined).listen(0, '127.0.0.1');
  onTestFinished(() => {
    endpoint.close();
    endpoint.closeAllConnections();
  });
  await once(endpoint, 'listening');
  const { port } = endpoint.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  const destination = await openTestStore('http://127.0.0.1:9', {
    env: { AWS_ACCESS_KEY_ID: undefined, AWS_CONTAINER_CREDENTIALS_FULL_URI: url },
  });
  onTestFinished(() => destination.close());
  expect(await destination.check(signal)).toEqual({ state: 'unavailable', why: 'no answer for 4 s' });
});

test('a store that takes 25 s to answer a put is given the time, the second time', async () => {
  const faults = [{ match: { operation: 'PutObject' }, do: 'delay', delayMs: 25_000 }] as const;
  const server = await startS3Server({ faults });
  onTestFinished(() => server.close());
  const destination = await openTestStore(server.url);
  onTestFinished(() => destination.close());
  await destination.put('a', Buffer.from('a'), { signal, ifAbsent: true });
  expect(server.objects()).toHaveLength(1);
});
