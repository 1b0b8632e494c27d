import { test as base } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import { NO_OUTPUT } from './no-output.ts';
import { openSessionFixture } from './session.ts';

export interface SessionEnd {
  readonly code: number;
  /** What the supervisor has complained of. */
  readonly stderr: string;
}

/** Tests with folders, a port and supervisors of their own, so that they may run beside others of their file. */
export const test = base
  .extend('fixture', async ({ onTestFinished }) => {
    const fixture = await openSessionFixture();
    onTestFinished(() => fixture[Symbol.asyncDispose]());
    return fixture;
  })
  /**
   * Runs a whole session in the test's process, with real children: half a second of a processor less than to start a
   * supervisor, for tests that ask nothing of its process. Its log is off, since that goes to this process's stdout.
   */
  .extend(
    'run',
    ({ fixture }) =>
      async (env: Record<string, string | undefined> = {}): Promise<SessionEnd> => {
        const stderr: string[] = [];
        const code = await run({
          env: { ...fixture.environment, SESSION_LOG_LEVEL: 'silent', ...env },
          cwd: fixture.workdir,
          args: [],
          terminal: false,
          signals: createSignals(),
          ...NO_OUTPUT,
          print: () => undefined,
          write: () => Promise.resolve(),
          printError: line => stderr.push(line),
        });
        return { code, stderr: stderr.join('\n') };
      },
  );
