import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { listProcesses } from '../../src/process/procfs.ts';
import { summary } from '../../src/report/summary.ts';
import { eventually } from '../support/eventually.ts';
import { program, type SessionFixture } from '../support/session.ts';
import { test } from '../support/session-test.ts';

/** The agent has come as far as its first line: its signal handlers are in place. */
async function agentRuns({ workdir }: SessionFixture): Promise<void> {
  await eventually(async () => (await readFile(join(workdir, 'agent.log'), 'utf8')).includes('runs'));
}

const playing = { SESSION_AGENT_COMMAND: program('agent-runs') };

describe.concurrent('a stop signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    test(`${signal} becomes a clean stop: the world is saved, and so is the archive`, async ({ fixture }) => {
      const session = fixture.start(playing);
      await session.logged('"event":"process_started"');
      await session.logged('"event":"server_ready"');
      session.signal(signal);
      expect(await session.ended()).toEqual({ code: 0, signal: null });
      const report = session.report();
      expect(report.end).toMatchObject({ by: 'signal', signal });
      expect(report.saved).toBe('archive');
      expect(report.children.find(({ name }) => name === 'server')).toMatchObject({
        exit: { code: 0 },
        stoppedBy: ['console'],
      });
      await access(join(fixture.workdir, 'world/saved'));
    });
  }

  test('is none without a terminal if it is SIGHUP, as under nohup, nor is SIGUSR1 or SIGUSR2', {
    tags: ['slow'],
  }, async ({ fixture }) => {
    const session = fixture.start(playing);
    await agentRuns(fixture);
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) session.signal(signal);
    session.signal('SIGTERM');
    expect(await session.ended()).toEqual({ code: 0, signal: null });
    expect(session.report().end).toMatchObject({ by: 'signal', signal: 'SIGTERM' });
    // Where Node tells that its debugger listens.
    expect(session.stderr()).toBe('');
  });

  test('while setup runs ends the session without a server', { tags: ['slow'] }, async ({ fixture }) => {
    const session = fixture.start({ SESSION_SETUP_COMMAND: program('child-ends-on-sigterm') });
    await session.logged('"event":"process_started","child":"setup"');
    session.signal('SIGTERM');
    expect(await session.ended()).toEqual({ code: 0, signal: null });
    expect(session.report().children.map(({ name }) => name)).toEqual(['setup']);
  });

  test('while the server starts ends the session without an agent', async ({ fixture }) => {
    const session = fixture.start({
      SESSION_SERVER_COMMAND: program('server-late', '--port', fixture.port, 600_000),
      SESSION_STOP_GRACE: '1s',
    });
    await session.logged('"event":"process_started","child":"server"');
    session.signal('SIGTERM');
    expect(await session.ended()).toEqual({ code: 0, signal: null });
    expect(session.report().children.map(({ name }) => name)).toEqual(['server']);
    expect(session.report().saved).toBe('archive');
  });

  test('that comes again and again, until the very end of the process, changes no exit code', async ({
    fixture,
  }) => {
    const session = fixture.start(playing);
    await session.logged('"event":"server_ready"');
    let isOver = false;
    const ended = session.ended().finally(() => {
      isOver = true;
    });
    session.signal('SIGTERM');
    for (; !isOver; await setImmediate()) session.signal('SIGHUP');
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  test('may be SIGURG, as often as somebody likes, and aborts nothing', async ({ fixture }) => {
    const session = fixture.start(playing);
    await session.logged('"event":"server_ready"');
    let isOver = false;
    const ended = session.ended().finally(() => {
      isOver = true;
    });
    for (; !isOver; await setTimeout(50)) session.signal('SIGURG');
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(session.report()).toMatchObject({ saved: 'archive', end: { by: 'signal', signal: 'SIGURG' } });
  });

  test('makes everything fit into the stop timeout, even when nobody obeys', async ({ fixture }) => {
    const session = fixture.start({
      SESSION_SERVER_COMMAND: program('server-ignores-sigterm', '--port', fixture.port),
      SESSION_AGENT_COMMAND: program('agent-ignores-sigterm'),
      SESSION_STOP_GRACE: '1h',
      SESSION_STOP_TIMEOUT: '12s',
    });
    await agentRuns(fixture);
    session.signal('SIGTERM');
    // Not in an hour: longer than any test may take.
    expect(await session.ended()).toEqual({ code: 0, signal: null });
    const report = session.report();
    for (const child of report.children) expect(child.stoppedBy).toContain('SIGKILL');
    expect(report.saved).toBe('archive');
    expect(report.incomplete).toEqual([
      'the server was ended by SIGKILL: what it had not saved of the world may be missing',
      'the agent was ended by SIGKILL: what it had not written may be missing',
    ]);
    expect(summary(report)).toContain(' incomplete the server was ended by SIGKILL');
  });

  for (const [journal, isSaved] of [
    ['2s', true],
    ['off', false],
  ] as const) {
    test(`leaves a slow server ${isSaved ? 'all but the time of the flush' : 'a quarter without a journal'}`, {
      tags: ['slow'],
    }, async ({ fixture }) => {
      const session = fixture.start({
        SESSION_SERVER_COMMAND: program('server-saves-slowly', '--port', fixture.port, 4_000),
        SESSION_AGENT_COMMAND: program('agent-runs'),
        SESSION_SERVER_STOP_GRACE: '60s',
        SESSION_STOP_TIMEOUT: '16s',
        SESSION_JOURNAL_INTERVAL: journal,
      });
      await agentRuns(fixture);
      session.signal('SIGTERM');
      expect(await session.ended()).toEqual({ code: 0, signal: null });
      const { incomplete } = session.report();
      expect(incomplete).toHaveLength(isSaved ? 0 : 1);
      expect(await readFile(join(fixture.workdir, 'world/saved'), 'utf8').catch(() => undefined)).toBe(
        isSaved ? 'yes\n' : undefined,
      );
    });
  }

  test('that comes twice abandons the session: everything is killed, and the code is 128+n', async ({
    fixture,
  }) => {
    const session = fixture.start({
      SESSION_SERVER_COMMAND: program('server-ignores-sigterm', '--port', fixture.port),
      SESSION_AGENT_COMMAND: program('agent-ignores-sigterm'),
      SESSION_STOP_GRACE: '1h',
      SESSION_STOP_TIMEOUT: '1h',
    });
    await agentRuns(fixture);
    session.signal('SIGINT');
    await session.logged('"end":"signal"');
    await eventually(() => {
      session.signal('SIGINT');
      return session.process.exitCode !== null;
    });
    expect(await session.ended()).toEqual({ code: 130, signal: null });
    expect(session.stdout()).toContain('exit code 130');
    expect(session.report().exitCode).toBe(130);
    expect(session.report().survivors).toEqual([]);
  });
});

test('a server that is told to stop at its console ends the session, though the agent is gone first', {
  tags: ['slow'],
}, async ({ fixture }) => {
  const session = fixture.start({
    SESSION_SERVER_COMMAND: program('server-sends-agent-away', '--port', fixture.port),
    SESSION_AGENT_COMMAND: program('agent-leaves-with-server'),
  });
  await agentRuns(fixture);
  const client = fixture.start({}, 'console', 'stop');
  expect(await client.ended(), client.stderr()).toMatchObject({ code: 0 });
  expect(await session.ended()).toEqual({ code: 0, signal: null });
  expect(session.report().end).toMatchObject({
    by: 'server-exited',
    text: 'the server exited, told to stop at its console',
  });
});

describe.concurrent('after a session', () => {
  test('daemons of both children are dead, and named in the report', async ({ fixture }) => {
    const session = fixture.start({
      SESSION_SERVER_COMMAND: program('server-forks-daemon', '--port', fixture.port),
      SESSION_AGENT_COMMAND: program('agent-forks-daemon'),
      SESSION_STOP_GRACE: '3s',
    });
    await agentRuns(fixture);
    session.signal('SIGTERM');
    expect(await session.ended()).toEqual({ code: 0, signal: null });
    const { survivors } = session.report();
    expect(survivors).toHaveLength(2);
    for (const survivor of survivors) {
      expect(survivor).toMatchObject({
        command: expect.stringContaining('daemon.mjs'),
        killed: true,
        stoppedBy: ['SIGTERM', 'SIGKILL'],
      });
      expect(session.report().incomplete).toEqual([
        expect.stringContaining('2 processes that had outlived the server and the agent had to be killed'),
      ]);
      expect(listProcesses()?.map(({ pid }) => pid)).not.toContain(survivor.pid);
    }
  });

  test('a server that its wrapper has put into a session of its own has saved its world', async ({
    fixture,
    run,
  }) => {
    const server: string[] = JSON.parse(program('server-ready', '--port', fixture.port));
    const script = 'setsid "$@" & wait';
    const { code } = await run({
      SESSION_SERVER_COMMAND: JSON.stringify(['/bin/sh', '-c', script, 'wrapper', ...server]),
      SESSION_SERVER_STOP_COMMAND: '',
    });
    expect(code).toBe(0);
    await access(join(fixture.workdir, 'world/saved'));
  });

  test('an agent whose server is gone may finish by itself', { tags: ['slow'] }, async ({ fixture }) => {
    const session = fixture.start({
      SESSION_SERVER_COMMAND: program('server-crashes-beside-agent', '--port', fixture.port, 9),
      SESSION_AGENT_COMMAND: program('agent-follows-server', '--port', fixture.port),
    });
    expect(await session.ended()).toEqual({ code: 11, signal: null });
    const agent = session.report().children.find(({ name }) => name === 'agent');
    expect(agent).toMatchObject({ exit: { code: 1 }, stoppedBy: [] });
  });
});
