import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type CuberiteHome, makeCuberiteHome } from '../../support/cuberite-home.ts';
import { program, type RunningSupervisor, type SessionFixture } from '../../support/session.ts';
import { type SessionEnd, test as sessionTest } from '../../support/session-test.ts';

/** A session with Cuberite: its home, and how to start it. */
export interface CuberiteFixture extends SessionFixture {
  readonly home: CuberiteHome;
  /** As `start`, in the test's own process and to the end. */
  run(env?: Record<string, string | undefined>): Promise<SessionEnd>;
  /** What the server has logged. */
  serverLog(): Promise<string>;
  /** Listens on the server's port, as somebody else would. */
  occupyPort(): Promise<void>;
  /** Runs one command line of the server through `console`. */
  console(...line: string[]): RunningSupervisor;
}

export const test = sessionTest.extend('cuberite', async ({ fixture, run, onTestFinished }) => {
  const home = await makeCuberiteHome();
  onTestFinished(() => home.remove());
  const server = { SESSION_SERVER_COMMAND: undefined, SESSION_CUBERITE_HOME: home.folder };
  const session = { ...server, SESSION_AGENT_COMMAND: program('agent-runs') };
  const cuberite: CuberiteFixture = {
    ...fixture,
    home,
    start: (env = {}, ...args) => fixture.start({ ...session, ...env }, ...args),
    run: (env = {}) => run({ ...session, ...env }),
    serverLog: () => readFile(join(fixture.workdir, 'cuberite_process.log'), 'utf8'),
    async occupyPort() {
      const occupant = createServer().listen(fixture.port, '127.0.0.1');
      onTestFinished(() => void occupant.close());
      await once(occupant, 'listening');
    },
    console: (...line) => fixture.start(server, 'console', ...line),
  };
  return cuberite;
});

/** Waits until the agent runs: by then the server is ready. */
export async function agentStarted(session: RunningSupervisor): Promise<void> {
  await session.logged('"event":"process_started","child":"agent"');
}

export async function serverPid(session: RunningSupervisor): Promise<number> {
  await agentStarted(session);
  return Number(/"event":"process_started","child":"server","pid":(\d+)/.exec(session.stdout())?.[1]);
}
