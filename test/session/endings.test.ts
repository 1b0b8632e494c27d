import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { EndReason } from '../../src/session/end-reason.ts';
import { program, readReport } from '../support/session.ts';
import { test } from '../support/session-test.ts';

interface Ending {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** A test program as the server, which is given its port. */
  readonly server?: readonly [name: string, ...args: (string | number)[]];
  readonly by: EndReason['kind'];
  readonly code: number;
  /** A part of the sentence for people. */
  readonly text?: string;
  /** Of each sentence that tells what may be missing, the beginning. */
  readonly incomplete?: readonly string[];
}

/** Every way in which a session can end, with its exit code: each leaves an archive. */
const ENDINGS: readonly Ending[] = [
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
    incomplete: ['the agent was ended by SIGSEGV: what it had not written may be missing'],
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
    server: ['server-exits-early', 0],
    env: {},
    by: 'server-exited-early',
    code: 10,
  },
  {
    name: 'a server that never answers',
    server: ['server-never'],
    env: {
      SESSION_READY_TIMEOUT: '300ms',
      SESSION_STOP_GRACE: '1s',
    },
    by: 'server-never-ready',
    code: 10,
    text: 'connection refused',
  },
  {
    name: 'a server that accepts and never answers',
    server: ['server-accepts-but-never-answers'],
    env: {
      SESSION_READY_TIMEOUT: '300ms',
    },
    by: 'server-never-ready',
    code: 10,
  },
  {
    name: 'a server that crashes while people play',
    server: ['server-crashes-beside-agent', 'SIGSEGV'],
    env: {
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_STOP_GRACE: '1s',
    },
    by: 'server-exited',
    code: 11,
    incomplete: ['the server was ended by SIGSEGV: what it had not saved of the world may be missing'],
  },
  {
    name: 'a server that exits with an error while people play',
    server: ['server-crashes-beside-agent', 5],
    env: {
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_STOP_GRACE: '1s',
    },
    by: 'server-exited',
    code: 11,
  },
  {
    name: 'a server that exits with 0 while people play',
    server: ['server-crashes-beside-agent', 0],
    env: {
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_STOP_GRACE: '1s',
    },
    by: 'server-exited',
    code: 0,
  },
  {
    name: 'a server that hangs',
    server: ['server-hangs', 100],
    env: {
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_LIVENESS_TIMEOUT: '1s',
    },
    by: 'server-hung',
    code: 11,
  },
  {
    name: 'a server that is killed while it saves its world',
    server: ['server-killed-while-saving'],
    env: {},
    by: 'agent-exited',
    code: 0,
    incomplete: ['the server was ended by SIGKILL: what it had not saved of the world may be missing'],
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

describe.concurrent('a session is saved after', () => {
  for (const { name, env, server, by, code, text = '', incomplete = [] } of ENDINGS) {
    // A hang takes its time to be told from a pause.
    const tags = by === 'server-hung' ? ['slow' as const] : [];
    test(`${name}, and exits with ${code}`, { tags }, async ({ fixture, run }) => {
      const { sessions, port } = fixture;
      const session = await run(
        server
          ? { SESSION_SERVER_COMMAND: program(server[0], '--port', port, ...server.slice(1)), ...env }
          : env,
      );
      expect(session, session.stderr).toMatchObject({ code });
      expect((await stat(join(sessions, 'test/logs.tar.gz'))).size).toBeGreaterThan(0);
      expect(await readReport(sessions)).toMatchObject({
        end: { by, text: expect.stringContaining(text) },
        exitCode: code,
        saved: 'archive',
        incomplete: incomplete.map(text => expect.stringContaining(text)),
      });
    });
  }
});
