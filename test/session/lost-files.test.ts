import { execFile, spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { segmentsIn, unzipped } from '../support/journal.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
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

const storedAt = ({ url }: S3Server) => ({
  SESSION_DESTINATION: 's3://bucket',
  SESSION_S3_PATH_STYLE: '1',
  AWS_ENDPOINT_URL_S3: url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'AKIDTEST',
  AWS_SECRET_ACCESS_KEY: 'verysecret',
});

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

test('a working directory in whose place is a copy of it is not saved as if it were the same', {
  tags: ['slow'],
}, async ({ fixture }) => {
  const { workdir } = fixture;
  const session = await startWithFile(fixture, JOURNAL);
  await rename(workdir, `${workdir}-away`);
  await cp(`${workdir}-away`, workdir, { recursive: true, filter: path => !path.endsWith('/door') });
  expect(await end(session), session.stdout()).toBe(21);
  const { saved, recover, notices } = session.report();
  expect({ saved, recover, notices }).toEqual({
    saved: 'journal',
    recover: `craftassist-session recover --force file://${fixture.sessions}/test`,
    notices: [expect.stringContaining('is gone, or another folder by now')],
  });
});

test('a journal that begins late does not take another folder for the working directory', {
  tags: ['slow'],
}, async ({ fixture, onTestFinished }) => {
  const s3 = await startS3Server({ faults: [{ match: {}, do: '503' }] });
  onTestFinished(() => s3.close());
  const { workdir } = fixture;
  const session = fixture.start({
    ...JOURNAL,
    ...storedAt(s3),
  });
  await session.logged('"event":"process_started","child":"agent"');
  await rename(workdir, `${workdir}-away`);
  await mkdir(workdir);
  await writeFile(join(workdir, 'other.log'), 'not of this session');
  s3.setFaults([]);
  await session.logged('"event":"journal_scan_failed"');
  expect(await end(session), session.stdout()).toBe(20);
  expect(session.report()).toMatchObject({
    saved: 'lost',
    notices: [expect.stringContaining('is gone, or another folder by now')],
  });
});

describe.concurrent('a working directory that the agent itself', () => {
  const removing = JSON.stringify(['/bin/sh', '-c', 'echo played >data.log; sleep 1; rm -rf "$PWD"']);

  test('removes is recovered from the journal', { tags: ['slow'] }, async ({ fixture }) => {
    const session = fixture.start({ ...JOURNAL, SESSION_AGENT_COMMAND: removing });
    expect((await session.ended()).code, session.stdout()).toBe(21);
    expect(session.report().recover).toContain('craftassist-session recover');
  });

  test('removes is lost without a journal', { tags: ['slow'] }, async ({ fixture }) => {
    const session = fixture.start({ SESSION_AGENT_COMMAND: removing });
    expect((await session.ended()).code, session.stdout()).toBe(20);
  });
});

test('what was deleted rightly keeps no journal', { tags: ['slow'] }, async ({ fixture }) => {
  const session = await startWithFile(fixture, JOURNAL);
  await rm(join(fixture.workdir, 'data.log'));
  expect(await end(session), session.stdout()).toBe(0);
  expect((await filesBelow(fixture.sessions)).filter(file => file.includes('/journal/'))).toEqual([]);
});

/** From now on these calls of the supervisor on a path fail, as on a disk that dies. */
async function fail(session: RunningSupervisor, calls: string, path: string): Promise<void> {
  const inject = ['-e', `inject=${calls}`, '-P', path, '-P', `${path}/`];
  const disk = spawn('strace', ['-f', '-p', String(session.process.pid), ...inject], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  disk.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await eventually(() => said.includes('attached'));
}

describe.skipIf(spawnSync('strace', ['true']).status !== 0)('what the disk no longer reads', () => {
  test('when it is packed keeps the journal, and is named', { tags: ['slow'] }, async ({ fixture }) => {
    const session = await startWithFile(fixture, JOURNAL);
    await fail(session, 'read,pread64:error=EIO', join(fixture.workdir, 'data.log'));
    expect(await end(session), session.stdout()).toBe(21);
    expect(session.report()).toMatchObject({
      saved: 'journal',
      archive: { skipped: { first: [{ path: 'data.log', why: 'input/output error' }] } },
      notices: ['the archive lacks what the journal holds of data.log: the journal stays'],
    });
    const journal = await segmentsIn(join(fixture.sessions, '.sessions/test/journal'));
    expect(journal.length).toBeGreaterThan(0);
  });

  test('takes nothing else with it when the archive is not saved either', {
    tags: ['slow'],
  }, async ({ fixture, onTestFinished }) => {
    const s3 = await startS3Server({ faults: [{ match: { operation: 'UploadPart' }, do: 'stall' }] });
    onTestFinished(() => s3.close());
    const session = fixture.start({
      ...JOURNAL,
      ...storedAt(s3),
      SESSION_STOP_TIMEOUT: '10s',
      SESSION_AGENT_COMMAND: program('agent-writes-noise', 12),
    });
    await session.logged('"event":"process_started","child":"server"');
    const locked = join(fixture.workdir, 'locked.log');
    await fail(session, 'openat:error=EACCES', locked);
    await writeFile(locked, 'nobody reads this');
    await eventually(() => s3.counts.UploadPart);
    session.signal('SIGTERM');
    expect((await session.ended()).code, session.stdout()).toBe(21);
    expect(session.report()).toMatchObject({
      saved: 'journal',
      recover: 'craftassist-session recover --force s3://bucket/test',
      notices: [expect.stringMatching(/^the journal lacks what cannot be read: locked\.log: /)],
    });
  });

  for (const [what, env, code] of [
    ['is lost without a journal', RUNNING, 20],
    ['is recovered from its journal', JOURNAL, 21],
  ] as const) {
    test(`of the working directory's own entries ${what}`, { tags: ['slow'] }, async ({ fixture }) => {
      const session = await startWithFile(fixture, env);
      await fail(session, 'openat:error=EACCES', fixture.workdir);
      expect(await end(session), session.stdout()).toBe(code);
      const { archive, notices } = session.report();
      expect(archive?.skipped?.first).toEqual([{ path: '.', why: 'permission denied' }]);
      if (env === RUNNING)
        expect(notices).toEqual([expect.stringContaining('cannot be read (permission denied)')]);
    });
  }
});
