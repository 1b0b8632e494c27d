import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished } from 'vitest';
import { findIsal } from '../../src/archive/isal-deflater.ts';
import { SUPERVISOR } from '../support/built.ts';
import { program, readReport } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const files = { SESSION_AGENT_COMMAND: program('agent-writes-files', 'leave') };

test('zlib deflates a small archive, and the report says so', async ({ fixture, run }) => {
  expect((await run(files)).code).toBe(0);
  expect((await readReport(fixture.sessions)).archive).toMatchObject({ deflate: 'zlib', tries: 1 });
});

test('an archive that is not gzip is deflated by nothing', { tags: ['slow'] }, async ({ fixture, run }) => {
  expect((await run({ ...files, SESSION_ARCHIVE: 'logs.tar.zst', SESSION_DEFLATE: 'isal' })).code).toBe(0);
  expect((await readReport(fixture.sessions)).archive?.deflate).toBeUndefined();
});

test('where ISA-L is asked for and is broken, zlib saves the session under the same name', async ({
  fixture,
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'broken-isal-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const supervisor = join(folder, 'craftassist-session.mjs');
  await copyFile(SUPERVISOR, supervisor);
  await writeFile(join(folder, 'deflate.node'), 'no addon');
  const env = { ...fixture.environment, ...files, SESSION_DEFLATE: 'isal' };
  const { stdout } = await promisify(execFile)(process.execPath, [supervisor], { env });
  expect(stdout).toContain('"archiver_failed"');
  expect(stdout).toMatch(/the archiver failed: .*deflate\.node: file too short/);
  const { archive } = await readReport(fixture.sessions);
  expect(archive).toMatchObject({ key: 'test/logs.tar.gz', deflate: 'zlib', verified: true });
  await promisify(execFile)('gzip', ['--test', join(fixture.sessions, 'test/logs.tar.gz')]);
});

test('where ISA-L is asked for and is not there, that is a notice', async ({ fixture }) => {
  const folder = await mkdtemp(join(tmpdir(), 'no-isal-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const supervisor = join(folder, 'craftassist-session.mjs');
  await copyFile(SUPERVISOR, supervisor);
  const env = { ...fixture.environment, ...files, SESSION_DEFLATE: 'isal' };
  await promisify(execFile)(process.execPath, [supervisor], { env });
  const { archive, notices } = await readReport(fixture.sessions);
  expect(archive).toMatchObject({ deflate: 'zlib' });
  expect(notices).toContainEqual(
    expect.stringMatching(/^zlib: ISA-L, which SESSION_DEFLATE asks for, is not there: /),
  );
});

describe.skipIf(findIsal() === undefined)('with ISA-L', () => {
  test('a session is saved by it, and tells so at its start and in its report', async ({ fixture }) => {
    const supervisor = fixture.start({ ...files, SESSION_DEFLATE: 'isal' });
    expect(await supervisor.ended()).toMatchObject({ code: 0 });
    expect(supervisor.stdout()).toMatch(/"session_started".*"deflate":"ISA-L"/);
    expect((await readReport(fixture.sessions)).archive).toMatchObject({ deflate: 'isal', tries: 1 });
    await promisify(execFile)('gzip', ['--test', join(fixture.sessions, 'test/logs.tar.gz')]);
  });
});
