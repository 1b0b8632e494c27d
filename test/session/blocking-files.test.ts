import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { canMount } from '../support/can-mount.ts';
import { program, readReport } from '../support/session.ts';
import { test } from '../support/session-test.ts';

test('a pipe in the place of the experiment is told, and blocks nothing', async ({ fixture, run }) => {
  await mkdir(fixture.workdir, { recursive: true });
  execFileSync('mkfifo', [join(fixture.workdir, 'turk_experiment_id.txt')]);
  expect((await run()).code).toBe(0);
  const { notices } = await readReport(fixture.sessions);
  expect(notices).toContainEqual(expect.stringContaining('turk_experiment_id.txt cannot be read'));
});

test.for([
  ['agent.log', 12],
  ['cuberite_process.log', 10],
] as const)('a pipe in the place of %s blocks nothing', async ([name, code], { fixture, run }) => {
  await mkdir(fixture.workdir, { recursive: true });
  execFileSync('mkfifo', [join(fixture.workdir, name)]);
  expect((await run()).code).toBe(code);
  expect((await readReport(fixture.sessions)).saved).toBe('archive');
});

const WITH_PROC = 'mkdir -p "$1" && mount --rbind /proc "$1" && shift && exec "$@"';

test.skipIf(!canMount())(
  '/proc below the working directory is neither in the archive nor in the journal',
  { tags: ['slow'] },
  async ({ fixture }) => {
    const at = join(fixture.workdir, 'below/proc');
    const session = fixture.startBy(['unshare', '-rm', 'sh', '-c', WITH_PROC, 'sh', at], {
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_JOURNAL_INTERVAL: '50ms',
    });
    await session.logged('"event":"process_started","child":"agent"');
    session.signal('SIGTERM');
    expect((await session.ended()).code, session.stdout()).toBe(0);
    const { archive, journal } = session.report();
    expect(archive?.skipped).toMatchObject({
      total: 1,
      first: [{ path: 'below/proc', why: 'a file system of the kernel' }],
    });
    expect(archive?.files).toBeLessThan(50);
    expect(journal?.bytes).toBeLessThan(1_000_000);
  },
);
