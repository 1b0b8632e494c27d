import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSessionFixture, program, readReport, type SessionFixture } from '../support/session.ts';

let fixture: SessionFixture;

beforeEach(async () => {
  fixture = await openSessionFixture();
});

afterEach(() => fixture[Symbol.asyncDispose]());

const saved = () => stat(join(fixture.sessions, 'test/logs.tar.gz'));
const server = (name: string, ...args: (string | number)[]) => program(name, '--port', fixture.port, ...args);

/** Every way in which a session can end, with its exit code: each leaves an archive. */
const ENDINGS = [
  { name: 'an agent that exits with 0', env: {}, by: 'agent-exited', code: 0 },
  {
    name: 'an agent that exits with an error',
    env: { SESSION_AGENT_COMMAND: program('agent-exits', 3) },
    by: 'agent-exited',
    code: 12,
  },
  {
    name: 'an agent that dies of a signal',
    env: { SESSION_AGENT_COMMAND: program('agent-crashes', 'SIGSEGV') },
    by: 'agent-exited',
    code: 12,
  },
  {
    name: 'an agent whose command does not exist',
    env: { SESSION_AGENT_COMMAND: 'no-such-agent' },
    by: 'agent-exited',
    code: 12,
  },
  {
    name: 'a server whose command does not exist',
    env: { SESSION_SERVER_COMMAND: 'no-such-server' },
    by: 'server-not-startable',
    code: 10,
  },
  {
    name: 'a server that exits with 0 before it is ready',
    env: () => ({ SESSION_SERVER_COMMAND: server('server-exits-early', 0) }),
    by: 'server-exited-early',
    code: 10,
  },
  {
    name: 'a server that never answers',
    env: () => ({
      SESSION_SERVER_COMMAND: server('server-never'),
      SESSION_READY_TIMEOUT: '300ms',
      SESSION_STOP_GRACE: '1s',
    }),
    by: 'server-never-ready',
    code: 10,
  },
  {
    name: 'a server that accepts and never answers',
    env: () => ({
      SESSION_SERVER_COMMAND: server('server-accepts-but-never-answers'),
      SESSION_READY_TIMEOUT: '300ms',
    }),
    by: 'server-never-ready',
    code: 10,
  },
  {
    name: 'a server that crashes while people play',
    env: () => ({
      SESSION_SERVER_COMMAND: server('server-crashes-beside-agent', 'SIGSEGV'),
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_STOP_GRACE: '1s',
    }),
    by: 'server-exited',
    code: 11,
  },
  {
    name: 'a server that exits with an error while people play',
    env: () => ({
      SESSION_SERVER_COMMAND: server('server-crashes-beside-agent', 5),
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_STOP_GRACE: '1s',
    }),
    by: 'server-exited',
    code: 11,
  },
  {
    name: 'a server that exits with 0 while people play',
    env: () => ({
      SESSION_SERVER_COMMAND: server('server-crashes-beside-agent', 0),
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_STOP_GRACE: '1s',
    }),
    by: 'server-exited',
    code: 0,
  },
  {
    name: 'a server that hangs',
    env: () => ({
      SESSION_SERVER_COMMAND: server('server-hangs', 100),
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_LIVENESS_TIMEOUT: '1s',
    }),
    by: 'server-hung',
    code: 11,
  },
  {
    name: 'a setup that fails',
    env: { SESSION_SETUP_COMMAND: program('child-exits-with', 4) },
    by: 'setup-failed',
    code: 13,
  },
  {
    name: 'the maximum duration',
    env: { SESSION_AGENT_COMMAND: program('agent-runs'), SESSION_MAX_DURATION: '1500ms' },
    by: 'max-duration',
    code: 0,
  },
  {
    name: 'nobody who joins',
    env: { SESSION_AGENT_COMMAND: program('agent-runs'), SESSION_JOIN_TIMEOUT: '500ms' },
    by: 'nobody-joined',
    code: 0,
  },
];

describe('a session is saved after', () => {
  for (const { name, env, by, code } of ENDINGS) {
    test(`${name}, and exits with ${code}`, async () => {
      const session = fixture.start(typeof env === 'function' ? env() : env);
      expect(await session.ended(), session.stderr()).toEqual({ code, signal: null });
      expect(session.report().end.by).toBe(by);
      expect((await saved()).size).toBeGreaterThan(0);
      expect(await readReport(join(fixture.sessions, 'test'))).toMatchObject({
        exitCode: code,
        saved: 'archive',
      });
    });
  }
});
