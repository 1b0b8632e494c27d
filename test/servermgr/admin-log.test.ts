import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { createWrongPasswords } from '../../src/servermgr/web/wrong-passwords.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, createManagerFixture } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { basic, idIn, newVisitor } from './support/visitor.ts';
import { startWebApp } from './support/web-app.ts';

test('guessed passwords are a line with the network, then a count, and no password is ever written', async () => {
  await using app = await startWebApp({}, { SERVERMGR_TRUSTED_PROXIES: '1' });
  const ask = async (headers: Record<string, string>) =>
    (
      await fetch(`${app.url}/admin`, { headers: { 'x-forwarded-for': '2001:db8:1:2::9', ...headers } })
    ).text();
  await ask({});
  await ask({ authorization: basic(ADMIN_TOKEN) });
  expect(wrong(app.lines())).toEqual([]);
  for (let index = 0; index < 30; index += 1) await ask({ authorization: basic(`guess-${index}`) });
  await ask({ authorization: 'Bearer guess-bearer', 'x-forwarded-for': '10.0.0.1' });
  const first = [
    ['2001:db8:1:2::/64', 1],
    ['10.0.0.1', 1],
  ];
  expect(wrong(app.lines())).toEqual(first);
  await app.close();
  expect(wrong(app.lines())).toEqual([...first, ['2001:db8:1:2::/64', 29]]);
  expect(JSON.stringify(app.lines())).not.toMatch(/guess-/);
});

test('a network that goes on guessing has a line a minute, and a thousand networks have a hundred', () => {
  vi.useFakeTimers();
  try {
    const lines: Record<string, unknown>[] = [];
    const log = pino({}, { write: line => void lines.push(JSON.parse(line)) });
    const passwords = createWrongPasswords(log);
    for (let second = 0; second < 150; second += 1) {
      passwords.note('10.0.0.1');
      vi.advanceTimersByTime(1_000);
    }
    expect(wrong(lines).map(([, count]) => count)).toEqual([1, 59, 60]);
    vi.advanceTimersByTime(120_000);
    expect(wrong(lines).map(([, count]) => count)).toEqual([1, 59, 60, 30]);
    expect(vi.getTimerCount()).toBe(0);

    lines.length = 0;
    for (let index = 0; index < 1_000; index += 1) passwords.note(`network ${index}`);
    passwords.close();
    expect(lines).toHaveLength(102);
    expect(wrong(lines).slice(-2)).toEqual([
      ['others', 1],
      ['others', 899],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('who fetches an archive is logged, and that of a session without one is not', async () => {
  await using fixture = await createManagerFixture();
  await using program = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(program.url);
  const id = idIn(await visitor.launch());
  const name = nameOf(id) ?? '';
  const path = `/admin/archive?session=${encodeURIComponent(name)}`;
  const admin = newVisitor(program.url, { authorization: basic(ADMIN_TOKEN) });
  expect((await admin.request(path)).status).toBe(404);
  expect(program.output()).not.toContain('archive_handed_out');
  await eventually(async () => (await visitor.status(id)).progress === 100);
  await fixture.endSession(id);
  await eventually(async () => (await admin.request(path)).status === 200);
  const lines = program
    .output()
    .split('\n')
    .filter(line => line.includes('archive_handed_out'));
  expect(lines.map(line => JSON.parse(line))).toEqual([
    expect.objectContaining({ level: 'info', session: name, network: '127.0.0.1', bytes: 10 }),
  ]);
});

function wrong(lines: readonly Record<string, unknown>[]): [unknown, unknown][] {
  return lines
    .filter(({ event }) => event === 'wrong_admin_password')
    .map(({ network, count }) => [network, count]);
}
