import { writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { EndReason } from '../../../src/session/end-reason.ts';
import { makeCuberiteHome } from '../../support/cuberite-home.ts';
import { eventually } from '../../support/eventually.ts';
import { program, type RunningSupervisor } from '../../support/session.ts';
import { agentStarted, type CuberiteFixture, serverPid } from './support.ts';

interface Ending {
  readonly env?: Record<string, string | undefined>;
  readonly prepare?: (cuberite: CuberiteFixture) => Promise<unknown>;
  /** What brings it about, once the session runs. */
  readonly act?: (session: RunningSupervisor, cuberite: CuberiteFixture) => Promise<unknown>;
  readonly code: number;
  /** Whether there is a world to be saved, and it can be. */
  readonly world: boolean;
}

/** The agent of these tests does not end with its server, and is waited for so long. */
export const AGENT_STAYS = { SESSION_STOP_GRACE: '2s' };

/** Every ending of a session that has begun: the compiler asks for each. */
export const ENDINGS: Record<Exclude<EndReason['kind'], 'bug' | 'destination-refused'>, Ending> = {
  'agent-exited': { env: { SESSION_AGENT_COMMAND: program('agent-exits', 3) }, code: 12, world: true },
  signal: {
    act: async session => {
      await agentStarted(session);
      session.signal('SIGTERM');
    },
    code: 0,
    world: true,
  },
  'max-duration': { env: { SESSION_MAX_DURATION: '3s' }, code: 0, world: true },
  'nobody-joined': { env: { SESSION_JOIN_TIMEOUT: '300ms' }, code: 0, world: true },
  'everybody-left': {
    env: { SESSION_EMPTY_TIMEOUT: '300ms' },
    act: async (session, { home }) => {
      await agentStarted(session);
      await home.join('Agent');
      await home.join('Walker');
      await session.logged('"event":"players_changed","people":1');
      await home.leave('Walker');
    },
    code: 0,
    world: true,
  },
  'server-exited': {
    env: AGENT_STAYS,
    act: async (session, { console }) => {
      await agentStarted(session);
      const client = console('stop');
      expect(await client.ended(), client.stderr()).toMatchObject({ code: 0 });
    },
    code: 0,
    world: true,
  },
  'server-hung': {
    env: { SESSION_LIVENESS_TIMEOUT: '1s', SESSION_STOP_GRACE: '1s' },
    act: async session => process.kill(await serverPid(session), 'SIGSTOP'),
    code: 11,
    world: true,
  },
  'server-ended-by-plugin': {
    env: {
      ...AGENT_STAYS,
      ...{ SESSION_CUBERITE_PLUGINS: 'chatlog,shutdown_on_leave', SESSION_EMPTY_TIMEOUT: 'off' },
    },
    act: async (session, { home, serverLog }) => {
      await agentStarted(session);
      await home.join('Walker');
      await eventually(async () => (await serverLog()).includes('Walker has joined'));
      await home.leave('Walker');
    },
    code: 0,
    world: false,
  },
  'server-never-ready': {
    prepare: ({ home }) => makeCuberiteHome({ startMs: 60_000 }, home.folder),
    env: { SESSION_READY_TIMEOUT: '500ms', SESSION_STOP_GRACE: '300ms' },
    code: 10,
    world: false,
  },
  'server-exited-early': {
    prepare: ({ home }) => writeFile(home.config.binary, '#!/bin/sh\nexit 0\n'),
    code: 10,
    world: false,
  },
  'server-not-startable': { prepare: ({ occupyPort }) => occupyPort(), code: 10, world: false },
  'setup-failed': { env: { SESSION_SETUP_COMMAND: 'false' }, code: 13, world: false },
};
