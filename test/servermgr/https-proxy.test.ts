import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { expect, test } from 'vitest';
import { createManagerFixture } from './support/manager.ts';
import { startHttpsProxy } from './support/reverse-proxy.ts';

test('behind a proxy that speaks HTTPS, cookies are for HTTPS alone', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_TRUSTED_PROXIES: '1' });
  const manager = await fixture.startManager();
  await using proxy = await startHttpsProxy('servermgr.test', Number(new URL(manager.url).port));
  const request = https.get({ host: '127.0.0.1', port: proxy.port, rejectUnauthorized: false, agent: false });
  const [answer]: IncomingMessage[] = await once(request, 'response');
  request.destroy();
  expect(answer?.statusCode).toBe(200);
  const cookies = answer?.headers['set-cookie'] ?? [];
  expect(cookies.length).toBeGreaterThan(0);
  for (const cookie of cookies) expect(cookie).toMatch(/; Secure/);
});
