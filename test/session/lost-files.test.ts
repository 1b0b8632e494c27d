import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { segmentsIn, unzipped } from '../support/journal.ts';
import {
  filesBelow,
  program,
  type RunningSupervisor,
  readReport,
  type SessionFixture,
} from '../support/session.ts';
import { test } from '../support/session-test.ts';

const RUNNING = { SESSION_AGENT_COMMAND: program('agent-runs') };
const JOURNAL = { ...RUNNING, SESSION_JOURNAL_INTERVAL: '50ms' };

/** Starts a session in whose working directory is one file that its journal holds. */
async function startWithFile(
  { start, workdir, sessions }: SessionFixture,
  env: Record<string, string>,
): Promise<RunningSupervisor> {
  const session = start(env);
  await session.logged('"event":"process_started","child":"agent"');
  await writeFile(join(workdir, 'data.log'), 'recorded');
  if (env === RUNNING) return session;
  const journal = join(sessions, '.sessions/test/journal');
  await eventually(async () => {
    const segments = await Promise.all((await segmentsIn(journal)).map(unzipped));
    return segments.some(segment => segment.includes('data.log@'));
  });
  return session;
}

async function end(session: RunningSupervisor): Promise<number | null> {
  session.signal('SIGTERM');
  return (await session.ended()).code;
}

describe.concurrent('a working directory that is', () => {
  for (const [what, tags, lose] of [
    ['replaced', [], async (path: string) => rename(path, `${path}-away`).then(() => mkdir(path))],
    ['removed', ['slow'], async (path: string) => rename(path, `${path}-away`)],
  ] as const) {
    test(`${what} is recovered from its journal, which stays`, { tags: [...tags] }, async ({ fixture }) => {
      const session = await startWithFile(fixture, JOURNAL);
      await lose(fixture.workdir);
      expect(await end(session), session.stdout()).toBe(21);
      const { saved, recover, notices, archive: lacking } = session.report();
      expect({ saved, notices }).toEqual({
        saved: 'journal',
        notices: [
          expect.stringMatching(/^the archive lacks what the journal holds of .*: the journal stays$/),
        ],
      });
      const url = `file://${fixture.sessions}/test`;
      expect(recover).toBe(`craftassist-session recover --force ${url}`);
      const recovery = fixture.start({}, 'recover', '--force', url);
      expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
      const { archive, earlierArchive } = await readReport(fixture.sessions);
      expect(earlierArchive?.key).toBe(lacking?.key);
      const path = join(fixture.sessions, archive?.key ?? '');
      const { stdout } = await promisify(execFile)('tar', ['xzOf', path, 'data.log']);
      expect(stdout).toBe('recorded');
    });

    test(`${what} is lost without a journal, and that is told`, { tags: ['slow'] }, async ({ fixture }) => {
      const session = await startWithFile(fixture, RUNNING);
      await lose(fixture.workdir);
      expect(await end(session), session.stdout()).toBe(20);
      expect(session.report().notices).toEqual([
        expect.stringContaining('is gone, or another folder by now'),
      ]);
    });
  }
});

test('what was deleted rightly keeps no journal', { tags: ['slow'] }, async ({ fixture }) => {
  const session = await startWithFile(fixture, JOURNAL);
  await rm(join(fixture.workdir, 'data.log'));
  expect(await end(session), session.stdout()).toBe(0);
  expect((await filesBelow(fixture.sessions)).filter(file => file.includes('/journal/'))).toEqual([]);
});

test.skipIf(spawnSync('strace', ['true']).status !== 0)(
  'a file that the disk no longer reads when it is packed keeps the journal, and is named',
  { tags: ['slow'] },
  async ({ fixture }) => {
    const session = await startWithFile(fixture, JOURNAL);
    const file = join(fixture.workdir, 'data.log');
    const inject = ['-e', 'inject=read,pread64:error=EIO', '-P', file];
    const disk = spawn('strace', ['-f', '-p', String(session.process.pid), ...inject], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    disk.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await eventually(() => said.includes('attached'));
    expect(await end(session), session.stdout()).toBe(21);
    expect(session.report()).toMatchObject({
      saved: 'journal',
      archive: { skipped: { first: [{ path: 'data.log', why: 'input/output error' }] } },
      notices: ['the archive lacks what the journal holds of data.log: the journal stays'],
    });
    const journal = await segmentsIn(join(fixture.sessions, '.sessions/test/journal'));
    expect(journal.length).toBeGreaterThan(0);
  },
);
