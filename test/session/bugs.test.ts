import { mkdir } from 'node:fs/promises';
import { expect } from 'vitest';
import { recover } from '../../src/cli/recover.ts';
import { parseSessionConfig } from '../../src/config/session.ts';
import { openLog } from '../../src/runtime/log.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import { createRuntime, type SessionRuntime } from '../../src/session/runtime.ts';
import { runSession } from '../../src/session/session.ts';
import { withRealPaths } from '../../src/session/workdir.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { NO_OUTPUT } from '../support/no-output.ts';
import { piece, putSegments } from '../support/segments.ts';
import { readReport, type SessionFixture } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const HOST = {
  ...{ ecs: undefined, droidlet: undefined, oomKills: undefined },
  version: { version: '0', commit: '0' },
};

/** Runs a session in this process, of which a part has a bug. @returns the report */
async function runWith(
  { environment, workdir }: SessionFixture,
  change: (runtime: SessionRuntime, onUncaught: (fault: unknown) => void) => Partial<SessionRuntime>,
) {
  await mkdir(workdir);
  const env = { ...environment, SESSION_JOURNAL_INTERVAL: '100ms' };
  const parsed = parseSessionConfig(env, { cwd: workdir, terminal: false, now: new Date() });
  const config = await withRealPaths(parsed.config);
  const outputs = await openLog(NO_OUTPUT.stdout, { level: 'silent', terminal: false, colour: false });
  const signals = createSignals();
  const progress = { start: () => ({ [Symbol.dispose]: () => undefined }) };
  await using runtime = createRuntime({ config, progress, outputs, signals, user: undefined });
  const changed = { ...runtime, ...change(runtime, signals.onUncaught) };
  return (await runSession(changed, async () => HOST, [])).report;
}

test('a bug in saving, however it is wrapped, ends the session at once with 70, and the journal is kept', async ({
  fixture,
}) => {
  const report = await runWith(fixture, ({ openStore }) => ({
    async openStore(url) {
      const fault = new Error('no answer', { cause: new TypeError('a bug') });
      return { ...(await openStore(url)), store: () => Promise.reject(fault) };
    },
  }));
  expect(report).toMatchObject({ exitCode: 70, saved: 'journal', end: { by: 'agent-exited' } });
  expect(report.recover).toContain('craftassist-session recover');
  expect(report.faults).toEqual(['no answer: a bug']);
  expect(await readReport(fixture.sessions)).toMatchObject({ exitCode: 70 });
});

test('a bug that has ended nothing is in the exit code of the report as well', async ({ fixture }) => {
  const report = await runWith(fixture, ({ closeLogFile }, onUncaught) => ({
    async closeLogFile() {
      onUncaught(new Error('a bug'));
      await closeLogFile();
    },
  }));
  expect(report).toMatchObject({ exitCode: 70, saved: 'archive' });
});

test('a bug in a recovery is in its exit code', async ({ fixture }) => {
  await putSegments(openDirectoryStore(fixture.sessions), [{ pieces: [piece('agent.log', 'a line')] }]);
  const errors: string[] = [];
  const input = {
    env: { SESSION_LOG_LEVEL: 'silent' },
    args: ['--dry-run', '--force', `${fixture.sessions}/now`],
    ...{ cwd: fixture.sessions, terminal: false, signals: createSignals() },
    print: () => {
      throw new TypeError('a bug');
    },
    printError: (text: string) => void errors.push(text),
  };
  expect(await recover({ ...NO_OUTPUT, write: async () => undefined, ...input })).toBe(70);
  expect(errors).toEqual([`file://${fixture.sessions}/now: the journal was kept: a bug`]);
});
