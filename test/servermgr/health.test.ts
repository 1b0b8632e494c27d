import { expect, test } from 'vitest';
import type { Fault } from '../../src/servermgr/fleet/fault.ts';
import { newId } from '../../src/servermgr/session-id.ts';
import { ADMIN_TOKEN } from './support/manager.ts';
import { basic, newVisitor } from './support/visitor.ts';
import { startWebApp } from './support/web-app.ts';

test('/health lives on while nothing can be launched, /ready does not, and neither says more than since when', async () => {
  let fault: Fault | undefined;
  await using app = await startWebApp({ launchFault: () => fault });
  const ask = async (path: string) => {
    const answer = await fetch(`${app.url}${path}`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    return [answer.status, await answer.json()];
  };
  const fine = { ok: true, launches: 'possible' };
  expect(await ask('/health')).toEqual([200, fine]);
  expect(await ask('/ready')).toEqual([200, fine]);

  const sinceMs = Date.parse('2026-11-28T01:02:03.000Z');
  fault = { sinceMs, why: 'connect ECONNREFUSED postgres://me:topsecret@10.1.2.3' };
  const broken = { launches: 'impossible', since: '2026-11-28T01:02:03.000Z' };
  expect(await ask('/health')).toEqual([200, { ok: true, ...broken }]);
  expect(await ask('/ready')).toEqual([503, { ok: false, ...broken }]);
  const admin = await newVisitor(app.url, { authorization: basic(ADMIN_TOKEN) }).text('/admin');
  expect(admin).toContain('No session can be launched just now: connect ECONNREFUSED');

  fault = { sinceMs: 0, why: 'it has never answered' };
  expect(await ask('/ready')).toEqual([503, { ok: false, launches: 'impossible' }]);
});

test('health is told to an address that gets no page any more', async () => {
  await using app = await startWebApp({});
  const statusOf = async (path: string) => {
    const answer = await fetch(`${app.url}${path}`);
    await answer.text();
    return answer.status;
  };
  for (let batch = 0; batch < 12; batch += 1) {
    await Promise.all(Array.from({ length: 100 }, () => statusOf('/status?q=test')));
  }
  expect(await statusOf('/status?q=test')).toBe(429);
  expect(await Promise.all(['/health', '/ready'].map(statusOf))).toEqual([200, 200]);
});

test('a session that cannot be looked up just now is a sentence, for browsers and programs, and no fault of the log', async () => {
  const unavailable = Object.assign(new Error('the database cannot be asked'), { statusCode: 503 });
  await using app = await startWebApp({ remember: () => Promise.reject(unavailable) });
  const id = newId(Date.now());
  const page = await fetch(`${app.url}/wait?q=${id}`);
  expect([page.status, await page.text()]).toEqual([
    503,
    expect.stringContaining('That is not known just now'),
  ]);
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await fetch(`${app.url}/api/sessions/${id}`, { headers });
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { error: 'unavailable', message: 'that cannot be looked up just now' },
  ]);
  expect(app.lines().map(({ event }) => event)).not.toContain('request_failed');
});
