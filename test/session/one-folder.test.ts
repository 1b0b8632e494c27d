import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { EXIT_NO_ANSWER, EXIT_NOT_THERE, EXIT_USAGE } from '../../src/runtime/exit-codes.ts';
import { program } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const playing = { SESSION_AGENT_COMMAND: program('agent-runs') };

describe.concurrent('the folder of a session', () => {
  test('is not given to a second one while the first cannot answer, and is once that has died', {
    tags: ['slow'],
  }, async ({ fixture }) => {
    const first = fixture.start(playing);
    await first.logged('"event":"process_started","child":"agent"');
    const log = await readFile(join(fixture.workdir, 'supervisor.log'), 'utf8');
    first.signal('SIGSTOP');
    const [second, health] = [fixture.start(), fixture.start({}, 'health')];
    expect(await second.ended()).toEqual({ code: EXIT_USAGE, signal: null });
    expect(second.stderr()).toContain('another session is running in');
    expect(await readFile(join(fixture.workdir, 'supervisor.log'), 'utf8')).toBe(log);
    expect(await health.ended()).toEqual({ code: EXIT_NO_ANSWER, signal: null });
    expect(health.stderr()).toContain('does not answer');
    await fixture.killAll();
    const third = fixture.start();
    expect((await third.ended()).code, third.stderr()).toBe(0);
  });

  test('that is not there is told from one without a journal', async ({ fixture }) => {
    const [missing, empty] = [
      fixture.start({}, 'tail', '/nonexistent/sessions/test'),
      fixture.start({}, 'tail', join(fixture.workdir, '../test')),
    ];
    expect((await missing.ended()).code).toBe(EXIT_NOT_THERE);
    expect(missing.stderr()).toContain('there is no folder /nonexistent/sessions');
    expect((await empty.ended()).code).toBe(EXIT_NOT_THERE);
    expect(empty.stderr()).toContain('there is no journal');
  });
});
