import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { joinGame } from '../support/player.ts';
import { program, type SessionFixture } from '../support/session.ts';
import { test } from '../support/session-test.ts';

/** How many times the supervisor has looked who is online. */
async function looks({ workdir }: SessionFixture): Promise<number> {
  const log = await readFile(join(workdir, 'cuberite_process.log'), 'utf8');
  return log.match(/^look /gm)?.length ?? 0;
}

function start(fixture: SessionFixture, env: Record<string, string>) {
  return fixture.start({
    SESSION_SERVER_COMMAND: program('server-counts-joins', '--port', fixture.port),
    SESSION_EMPTY_TIMEOUT: '1s',
    ...env,
  });
}

describe('one person who plays', { tags: ['slow'] }, () => {
  test.for(['drops-out', 'comes-back', 'joins-late', 'never-joins', 'is-stopped'])(
    'is not sent away when the agent %s, and the session ends when they leave',
    async (behaviour, { fixture }) => {
      const agent = program('agent-joins', '--port', fixture.port, behaviour);
      const session = start(fixture, { SESSION_AGENT_COMMAND: agent });
      await session.logged('"phase":"playing"');
      const person = joinGame(fixture.port);
      await session.logged('"event":"players_changed","people":1');
      await writeFile(join(fixture.workdir, 'played'), '');
      await eventually(async () =>
        (await readFile(join(fixture.workdir, 'agent.log'), 'utf8')).includes(behaviour),
      );
      const before = await looks(fixture);
      await eventually(async () => (await looks(fixture)) > before + 4);
      expect(session.stdout()).not.toContain('session_ending');
      person.destroy();
      await session.ended();
      expect(session.report()).toMatchObject({ end: { by: 'everybody-left' }, people: { peak: 1 } });
    },
  );
});

test('a worker at the dashboard, whose browser keeps its connection, is there until that is closed', {
  tags: ['slow'],
}, async ({ fixture }) => {
  const dashboard = await freePort();
  const session = start(fixture, {
    SESSION_AGENT_COMMAND: program('agent-serves-a-dashboard', dashboard),
    MCDASHBOARD_PORT: `${dashboard}`,
    SESSION_JOIN_TIMEOUT: '5s',
    // Only a change is told so soon.
    SESSION_JOURNAL_INTERVAL: '1h',
  });
  await session.logged('"phase":"playing"');
  const browser = new Agent({ keepAlive: true, maxSockets: 1 });
  await eventually(async () => {
    const request = get({ port: dashboard, host: '127.0.0.1', agent: browser });
    const [response] = await once(request, 'response');
    response.resume();
    return true;
  });
  await session.logged('"event":"players_changed","people":1,"dashboard":1');
  const status = join(fixture.sessions, '.sessions/test/journal/status.json');
  const told = { present: 1, dashboard: 1, agentInGame: false, peak: 1 };
  await eventually(
    async () => expect(JSON.parse(await readFile(status, 'utf8'))).toMatchObject({ people: told }) ?? true,
    { timeoutMs: 5_000 },
  );
  expect(session.stdout()).not.toContain('session_ending');
  browser.destroy();
  await session.ended();
  const people = { peak: 1, dashboardPeak: 1 };
  const report = session.report();
  expect(report).toMatchObject({ end: { by: 'everybody-left' }, people });
  // One person alone was there.
  expect(report.people?.presentMs).toBeGreaterThan(0);
  expect(report.people?.presentMs).toBe(report.people?.personMs);
});

test('people play alone where there is no agent, and the session ends when they have left', {
  tags: ['slow'],
}, async ({ fixture }) => {
  const session = start(fixture, { SESSION_AGENT_COMMAND: 'none' });
  await session.logged('"phase":"playing"');
  const person = joinGame(fixture.port);
  await session.logged('"event":"players_changed","people":1');
  person.destroy();
  expect(await session.ended()).toMatchObject({ code: 0 });
  const children = [{ name: 'server' }];
  expect(session.report()).toMatchObject({ end: { by: 'everybody-left' }, children });
  expect(session.stdout()).not.toContain('agent');
});
