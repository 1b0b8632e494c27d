import { expect, test } from 'vitest';
import type { LaunchForm, LaunchResult } from '../../src/servermgr/fleet/fleet.ts';
import { createManagerFixture } from './support/manager.ts';
import { idIn, newVisitor } from './support/visitor.ts';
import { startWebApp } from './support/web-app.ts';

test.for<[LaunchResult, status: number, text: string, retryAfter: string | null]>([
  [{ kind: 'full', limit: 7 }, 503, '7 sessions are running', '60'],
  [{ kind: 'network-full', limit: 3 }, 429, '3 sessions from your network may run at once', '60'],
  [{ kind: 'network-spent', limit: 1 }, 429, '1 session a day may be started from your network', '3600'],
  [{ kind: 'no-capacity', why: 'no port is free' }, 503, 'not started: no port is free.', '60'],
  [{ kind: 'paused' }, 503, 'Nothing can be started just now', '60'],
  [{ kind: 'unknown-world' }, 400, 'That world does not exist', null],
  [{ kind: 'unknown-agent' }, 400, 'That agent does not exist', null],
])(
  'a launch request that is answered %j is a page that says so',
  async ([result, status, text, retryAfter]) => {
    await using app = await startWebApp({ launch: async () => result });
    const answer = await newVisitor(app.url).launch();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, retryAfter]);
    expect(await answer.text()).toContain(text);
  },
);

test('over the budget of a day the page says when the next begins', async () => {
  const untilMs = Date.now() + 1_800_500;
  await using app = await startWebApp({ launch: async () => ({ kind: 'over-budget', untilMs }) });
  const answer = await newVisitor(app.url).launch();
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(1_700);
  expect(Number(answer.headers.get('retry-after'))).toBeLessThan(1_802);
  expect(await answer.text()).toMatch(/started again from \d+ \w+ \d{4}, \d\d:\d\d UTC on/);
});

test('a launch request comes with its network, as far as proxies are trusted', async () => {
  const forms: LaunchForm[] = [];
  const launch = async (form: LaunchForm): Promise<LaunchResult> => {
    forms.push(form);
    return { kind: 'paused' };
  };
  await using app = await startWebApp({ launch }, { SERVERMGR_TRUSTED_PROXIES: '1' });
  await newVisitor(app.url, { 'x-forwarded-for': '2001:db8:1:2::77' }).launch();
  expect(forms.map(({ network }) => network)).toEqual(['2001:db8:1:2::/64']);
});

test('whoever asks for another world while a session runs is told that it was not started', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const id = idIn(await visitor.launch({ world: 'flat_world' }));
  // Of a tab that was opened before.
  const form = { ...(await visitor.form('/clear')), press: 'x'.repeat(22) };
  const same = await visitor.post('/launch', { ...form, world: 'flat_world' });
  expect(same.headers.get('location')).toBe(`/wait?q=${id}`);
  const other = await visitor.post('/launch', { ...form, world: 'diverse_world' });
  expect(idIn(other)).toBe(id);
  const location = other.headers.get('location') ?? '';
  const page = await visitor.text(location);
  const notice = /<p class="notice" role="status">([^<]*)</.exec(page)?.[1];
  expect(notice).toMatch(/^You have a session in “.+” already; “.+” was not started: one at a time\.$/);
  expect(await visitor.text(`/wait?q=${id}`)).not.toContain('class="notice"');
  // Nobody else is told, and no text of the address is shown.
  expect(await newVisitor(url).text(location)).not.toContain('class="notice"');
  for (const word of ['nonsense', '__proto__', '%3Cb%3E', 'flat_world&not-started=diverse_world'])
    expect(await visitor.text(`/wait?q=${id}&not-started=${word}`)).not.toContain('class="notice"');
  expect(await fixture.startedCount()).toBe(1);
});
