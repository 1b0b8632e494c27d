/** @module-tag slow */

import { once } from 'node:events';
import http from 'node:http';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createManagerFixture } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { idIn, newVisitor } from './support/visitor.ts';

test('10,000 open event streams do not take the application down', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_TRUSTED_PROXIES: '1',
    SERVERMGR_STREAMS: '1000',
  });
  await using program = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(program.url, { 'x-forwarded-for': '10.9.9.9' });
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);

  const open: http.IncomingMessage[] = [];
  const statuses = new Map<number | undefined, number>();
  for (let batch = 0; batch < 50; batch += 1) {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        openStream(`${program.url}/events?q=${id}`, `10.1.${batch}.${index}`),
      ),
    );
    for (const answer of answers) {
      statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
      if (answer.statusCode === 200) open.push(answer);
      else answer.destroy();
    }
  }
  expect(Object.fromEntries(statuses)).toEqual({ 200: 1_000, 503: 9_000 });
  expect((await visitor.request('/')).status).toBe(200);
  expect(await program.residentBytes()).toBeLessThan(400 * 1024 * 1024);

  // Those that are open are told; when they have gone, their places are free.
  const last = open.at(-1);
  const told = last && once(last, 'data');
  await fixture.endSession(id);
  await told;
  for (const answer of open) answer.destroy();
  await eventually(async () => {
    const answer = await openStream(`${program.url}/events?q=${id}`, '10.2.0.1');
    answer.destroy();
    return answer.statusCode === 200;
  });
});

test('one address has only so many streams, and cannot take those of others', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_STREAMS_PER_ADDRESS: '3',
    SERVERMGR_TRUSTED_PROXIES: '1',
  });
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const id = idIn(await visitor.launch());
  const open = (address: string) => openStream(`${url}/events?q=${id}`, address);
  const greedy = await Promise.all(Array.from({ length: 5 }, () => open('10.0.0.1')));
  expect(greedy.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 200, 200, 503, 503]);
  const other = await open('10.0.0.2');
  expect(other.statusCode).toBe(200);
  for (const answer of [...greedy, other]) answer.destroy();
});

test('a stream of nobody’s session is refused, and a HEAD opens none', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  expect((await visitor.request('/events?q=mwrrdl8c-hNsfdmM94eT0f_G6PRP77Q')).status).toBe(404);
  expect((await visitor.request('/events')).status).toBe(404);
  const id = idIn(await visitor.launch());
  expect((await visitor.request(`/events?q=${id}`, { method: 'HEAD' })).status).toBe(404);
});

async function openStream(url: string, address: string): Promise<http.IncomingMessage> {
  const request = http.get(url, { headers: { 'x-forwarded-for': address }, agent: false });
  request.on('error', () => request.destroy());
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.on('error', () => response.destroy());
  return response;
}
