import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { EndReason } from '../../src/session/end-reason.ts';
import { type CuberiteHome, makeCuberiteHome } from '../support/cuberite-home.ts';
import { eventually } from '../support/eventually.ts';
import {
  openSessionFixture,
  program,
  type RunningSupervisor,
  type SessionFixture,
} from '../support/session.ts';

let fixture: SessionFixture;
let home: CuberiteHome;
/** Somebody else, on the server's port. */
let occupant: Server;

beforeEach(async () => {
  occupant = createServer();
  [fixture, home] = await Promise.all([openSessionFixture(), makeCuberiteHome()]);
});

afterEach(async () => {
  occupant.close();
  await fixture[Symbol.asyncDispose]();
  await home.remove();
});

function start(env: Record<string, string | undefined> = {}): RunningSupervisor {
  return fixture.start({
    SESSION_SERVER_COMMAND: undefined,
    SESSION_CUBERITE_HOME: home.folder,
    SESSION_AGENT_COMMAND: program('agent-runs'),
    SESSION_STOP_GRACE: '5s',
    ...env,
  });
}

/** What the archive holds of the world; empty: it was not saved. */
async function savedWorld(): Promise<string> {
  const { stdout } = await promisify(execFile)('tar', ['tzf', join(fixture.sessions, 'test/logs.tar.gz')]);
  return stdout
    .split('\n')
    .filter(name => name.endsWith('.mca'))
    .join(' ');
}

async function serverPid(session: RunningSupervisor): Promise<number> {
  await session.logged('"event":"process_started","child":"agent"');
  return Number(/"event":"process_started","child":"server","pid":(\d+)/.exec(session.stdout())?.[1]);
}

interface Ending {
  readonly env?: Record<string, string | undefined>;
  readonly prepare?: () => Promise<unknown>;
  /** What brings it about, once the session runs. */
  readonly act?: (session: RunningSupervisor) => Promise<unknown>;
  readonly code: number;
  /** Whether there is a world to be saved, and it can be. */
  readonly world: boolean;
}

const asConsole = (line: string) => async (session: RunningSupervisor) => {
  await session.logged('"event":"process_started","child":"agent"');
  const visit = fixture.start(
    { SESSION_SERVER_COMMAND: undefined, SESSION_CUBERITE_HOME: home.folder },
    'console',
    ...line.split(' '),
  );
  expect(await visit.ended(), visit.stderr()).toMatchObject({ code: 0 });
};

/** Every ending that there is: the compiler asks for each. */
const ENDINGS: Record<Exclude<EndReason['by'], 'bug'>, Ending> = {
  'agent-exited': { env: { SESSION_AGENT_COMMAND: program('agent-exits', 3) }, code: 12, world: true },
  signal: {
    act: async session => {
      await session.logged('"event":"process_started","child":"agent"');
      session.signal('SIGHUP');
    },
    code: 0,
    world: true,
  },
  'max-duration': { env: { SESSION_MAX_DURATION: '1s' }, code: 0, world: true },
  'nobody-joined': { env: { SESSION_JOIN_TIMEOUT: '300ms' }, code: 0, world: true },
  'everybody-left': {
    env: { SESSION_EMPTY_TIMEOUT: '300ms' },
    act: async session => {
      await session.logged('"event":"process_started","child":"agent"');
      await home.join('Agent');
      await home.join('Walker');
      await session.logged('"event":"players_changed","people":1');
      await home.leave('Walker');
    },
    code: 0,
    world: true,
  },
  'server-exited': { act: asConsole('stop'), code: 0, world: true },
  'server-hung': {
    env: { SESSION_LIVENESS_TIMEOUT: '1s' },
    act: async session => process.kill(await serverPid(session), 'SIGSTOP'),
    code: 11,
    world: true,
  },
  'server-ended-by-plugin': {
    env: { SESSION_CUBERITE_PLUGINS: 'chatlog,shutdown_on_leave', SESSION_EMPTY_TIMEOUT: 'off' },
    act: async session => {
      await session.logged('"event":"process_started","child":"agent"');
      await home.join('Walker');
      await eventually(async () => (await log()).includes('Walker has joined'));
      await home.leave('Walker');
    },
    code: 0,
    world: false,
  },
  'server-never-ready': {
    prepare: async () => {
      await home.remove();
      home = await makeCuberiteHome({ startMs: 60_000 });
    },
    env: { SESSION_READY_TIMEOUT: '500ms', SESSION_STOP_GRACE: '300ms' },
    code: 10,
    world: false,
  },
  'server-exited-early': {
    prepare: () => writeFile(home.config.binary, '#!/bin/sh\nexit 0\n'),
    code: 10,
    world: false,
  },
  'server-not-startable': {
    prepare: async () => {
      occupant.listen(fixture.port, '127.0.0.1');
      await once(occupant, 'listening');
    },
    code: 10,
    world: false,
  },
  'setup-failed': { env: { SESSION_SETUP_COMMAND: 'false' }, code: 13, world: false },
  'destination-refused': {
    prepare: () => writeFile(fixture.sessions, 'a file'),
    code: 64,
    world: false,
  },
};

const log = () => readFile(join(fixture.workdir, 'cuberite_process.log'), 'utf8');

describe('after the ending', () => {
  for (const [by, { env, prepare, act, code, world }] of Object.entries(ENDINGS)) {
    test(`"${by}" the world is ${world ? 'in the archive' : 'not there to be saved'}`, async () => {
      await prepare?.();
      const session = start({ SESSION_CUBERITE_HOME: home.folder, ...env });
      await act?.(session);
      expect(await session.ended(), session.stderr()).toEqual({ code, signal: null });
      expect(session.report().end.by).toBe(by);
      if (code !== 64) expect(await savedWorld()).toEqual(world ? expect.stringContaining('r.0.0.mca') : '');
    });
  }

  test('"server-exited" by SIGKILL the world is lost, the logs are saved, and the code is 11', async () => {
    const session = start();
    process.kill(await serverPid(session), 'SIGKILL');
    expect(await session.ended()).toEqual({ code: 11, signal: null });
    expect(await savedWorld()).toBe('');
    expect((await stat(join(fixture.sessions, 'test/logs.tar.gz'))).size).toBeGreaterThan(0);
  });
});

describe('with Cuberite', () => {
  test('a plug-in that does not exist is a fault of the configuration, which lists those that do', async () => {
    const session = start({ SESSION_CUBERITE_PLUGINS: 'debug,chatlag' });
    expect((await session.ended()).code).toBe(64);
    expect(session.stderr()).toMatch(/chatlag.*choose from.*chatlog/);
  });

  test('plug-ins that end the server warn that the world was not saved', async () => {
    const ending = ENDINGS['server-ended-by-plugin'];
    const session = start(ending.env);
    await ending.act?.(session);
    await session.ended();
    expect(session.report().end.text).toContain('the world was not saved');
  });

  test('both builds lose no line: what was tried is in the report', async () => {
    for (const [build, tried] of [
      ['new', 'flag'],
      ['old', 'stdbuf'],
    ] as const) {
      const own = await makeCuberiteHome({ build });
      onTestFinished(() => own.remove());
      const session = start({ SESSION_CUBERITE_HOME: own.folder, TIMESTAMP: build });
      // While it runs: what is buffered comes at the end as well.
      const startups = tried === 'flag' ? 1 : 2;
      await eventually(async () => (await log()).match(/Startup complete/g)?.length === startups);
      session.signal('SIGTERM');
      expect((await session.ended()).code).toBe(0);
      expect(session.report().serverOutput).toMatchObject({ tried });
    }
  });

  test('people are told before the maximum duration, and that the session ends', async () => {
    const session = start({ SESSION_MAX_DURATION: '62s', SESSION_JOIN_TIMEOUT: 'off' });
    await session.logged('"event":"process_started","child":"agent"');
    await home.join('Agent');
    await home.join('Walker');
    await session.logged('"event":"players_changed","people":1');
    await eventually(async () => (await log()).includes('This session ends in 1 minute.'));
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(await log()).toContain('This session ends now.');
  });

  test('names are in the report only where they are asked for', async () => {
    for (const [wish, expected] of [
      ['', false],
      ['1', true],
    ] as const) {
      const session = start({
        SESSION_REPORT_NAMES: wish,
        TIMESTAMP: `names${wish}`,
        SESSION_EMPTY_TIMEOUT: '300ms',
      });
      await session.logged('"event":"process_started","child":"agent"');
      await home.join('Agent');
      await home.join('Walker');
      await session.logged('"event":"players_changed","people":1');
      await home.leave('Walker');
      await home.leave('Agent');
      await session.ended();
      expect(JSON.stringify(session.report()).includes('Walker')).toBe(expected);
      expect(session.report().people).toMatchObject({ peak: 1 });
    }
  });

  test('a kept folder is used again, with its world', async () => {
    const env = { SESSION_JOIN_TIMEOUT: '300ms' };
    await start(env).ended();
    const kept = join(fixture.workdir, 'cuberite/world/kept');
    await writeFile(kept, 'x');
    expect((await start({ ...env, TIMESTAMP: 'again' }).ended()).code).toBe(0);
    expect(await readFile(kept, 'utf8')).toBe('x');
  });
});

describe('the console', () => {
  test('refuses when no session runs', async () => {
    const visit = start();
    visit.signal('SIGKILL');
    await visit.ended();
    const console = fixture.start({}, 'console', 'say', 'hello');
    expect((await console.ended()).code).toBe(1);
    expect(console.stderr()).toContain('no session runs');
  });

  test('says a line to the server of a running session, and health tells what it does', async () => {
    const session = start();
    await asConsole('say good evening')(session);
    await eventually(async () => (await log()).includes('good evening'));
    const health = fixture.start({}, 'health');
    expect((await health.ended()).code).toBe(0);
    expect(health.stdout()).toContain('playing');
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
  });
});
