import { execFile } from 'node:child_process';
import { readdir, readFile, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { eventually } from '../support/eventually.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { startS3Server } from '../support/s3-server.ts';
import { piece, putSegments } from '../support/segments.ts';
import { filesBelow, program, readReport } from '../support/session.ts';
import { test } from '../support/session-test.ts';
import { putJournals } from '../support/stored-journals.ts';

async function fromArchive(archive: string, name: string): Promise<string> {
  const { stdout } = await promisify(execFile)('tar', ['xzOf', archive, name], { maxBuffer: 2 ** 26 });
  return stdout;
}

test('a session that only looked dead goes on beside the recovery, and both archives are right', {
  tags: ['slow'],
}, async ({ fixture }) => {
  const session = fixture.start({
    SESSION_JOURNAL_INTERVAL: '100ms',
    SESSION_AGENT_COMMAND: program('agent-counts'),
  });
  const journal = async (name: string) =>
    (await filesBelow(fixture.sessions)).filter(file => file.startsWith(`.sessions/test/${name}/`));
  await eventually(async () => (await readFile(join(fixture.workdir, 'counted.log'))).length > 0);
  const segments = (await journal('journal')).length;
  await eventually(async () => (await journal('journal')).length > segments + 2);
  session.signal('SIGSTOP');
  const recovery = fixture.start({}, 'recover', '--force', join(fixture.sessions, 'test'));
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  expect(await journal('journal')).toEqual([]);
  session.signal('SIGCONT');
  await eventually(async () => (await journal('journal.2')).length > 3);
  await session.logged('"event":"journal_fenced"');
  session.signal('SIGTERM');
  expect((await session.ended()).code, session.stdout()).toBe(0);

  const written = await readFile(join(fixture.workdir, 'counted.log'), 'utf8');
  const [recovered, own] = await Promise.all(
    ['test', 'test.2'].map(name => fromArchive(join(fixture.sessions, name, 'logs.tar.gz'), 'counted.log')),
  );
  expect(own).toBe(written);
  expect(recovered).not.toBe('');
  expect(written.startsWith(recovered ?? '?')).toBe(true);
  expect(await journal('journal.2')).toEqual([]);
  expect((await readReport(fixture.sessions)).journal?.prefix).toBe('.sessions/test/journal.2');
  const again = fixture.start({}, 'recover', '--all', fixture.sessions);
  expect((await again.ended()).code, again.stderr()).toBe(0);
  expect(again.stderr()).toContain('there is no journal');
});

test('of two recoveries one works, and the other says who does, and since when', { tags: ['slow'] }, async ({
  fixture,
  onTestFinished,
}) => {
  const s3 = await startWithJournal(onTestFinished);
  const env = s3Environment(s3);
  // The clock twice, the fence, the plan: then it packs.
  const before = s3.counts.PutObject ?? 0;
  s3.setFaults([{ match: { operation: 'PutObject', nth: before + 5 }, do: 'hold' }]);
  const first = fixture.start(env, 'recover', 's3://bucket/sessions/a');
  await eventually(() => (s3.counts.PutObject ?? 0) >= before + 5);
  const second = fixture.start(env, 'recover', 's3://bucket/sessions/a');
  expect((await second.ended()).code).toBe(64);
  expect(second.stderr()).toMatch(/sessions\/a: is being recovered by \S+ since \d{4}-\d\d-\d\dT/);
  const all = fixture.start(env, 'recover', '--all', 's3://bucket/sessions');
  expect((await all.ended()).code).toBe(0);
  s3.setFaults([]);
  expect((await first.ended()).code, first.stderr()).toBe(0);
  const keys = s3.objects().map(({ key }) => key);
  expect(keys.sort()).toEqual([
    'sessions/.sessions/a/archive-index.jsonl.gz',
    'sessions/.sessions/a/session.json',
    'sessions/a/logs.tar.gz',
  ]);
});

test('a silent journal whose writer would not notice is taken with --force alone', {
  tags: ['slow'],
}, async ({ fixture }) => {
  const store = openDirectoryStore(fixture.sessions);
  await putSegments(store, [{ pieces: [piece('agent.log', 'one\n')] }], '.sessions/test/journal');
  store.close();
  const segment = '.sessions/test/journal/00000001.tar.gz';
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(join(fixture.sessions, segment), longAgo, longAgo);
  const url = join(fixture.sessions, 'test');
  const would = /has not been written for long .*would not notice .*use --force/;

  const one = fixture.start({}, 'recover', url);
  expect((await one.ended()).code).toBe(64);
  expect(one.stderr()).toMatch(would);
  const all = fixture.start({}, 'recover', '--all', fixture.sessions);
  expect((await all.ended()).code, all.stderr()).toBe(0);
  expect(all.stdout()).toMatch(would);
  // Not even a fence.
  expect(await readdir(join(fixture.sessions, '.sessions/test/journal'))).toEqual([basename(segment)]);

  const forced = fixture.start({}, 'recover', '--force', url);
  expect((await forced.ended()).code, forced.stderr()).toBe(0);
  expect(await filesBelow(fixture.sessions)).toEqual([
    '.sessions/test/archive-index.jsonl.gz',
    '.sessions/test/session.json',
    'test/logs.tar.gz',
  ]);
});

test('a journal is recovered into a folder with the right to read alone', { tags: ['slow'] }, async ({
  fixture,
  onTestFinished,
}) => {
  const s3 = await startWithJournal(onTestFinished);
  await putJournals(s3, { '.sessions/b/journal': {} }, 'writing');
  s3.setFaults([{ match: { operation: ['PutObject', 'DeleteObjects', 'DeleteObject'] }, do: 'deny' }]);
  for (const [name, ...force] of [['a'], ['b', '--force']]) {
    const output = join(fixture.sessions, `recovered ${name}`);
    const args = ['recover', ...force, '--output', output, `s3://bucket/sessions/${name}`];
    const recovery = fixture.start(s3Environment(s3), ...args);
    expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
    expect(await readFile(join(output, 'world/region.mca'), 'utf8')).toBe('blocks');
  }
});

/** An S3 with the journal of a session that is over. */
async function startWithJournal(onTestFinished: (close: () => Promise<void>) => void) {
  const s3 = await startS3Server();
  onTestFinished(() => s3.close());
  await putJournals(s3, { '.sessions/a/journal': {} }, 'finished');
  return s3;
}
