/** @module-tag slow */

import { execFile } from 'node:child_process';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import {
  filesBelow,
  program,
  type RunningSupervisor,
  readReport,
  type SessionFixture,
} from '../support/session.ts';
import { test } from '../support/session-test.ts';
import { keysWithoutFences } from '../support/stored-journals.ts';

const JOURNAL = { SESSION_JOURNAL_INTERVAL: '100ms', SESSION_AGENT_COMMAND: program('agent-counts') };

const SESSION_LABELS = '{"participant": "P-17", "group": "b"}';

const folderOf = ({ sessions }: SessionFixture) => join(sessions, 'test');

const journalOf = ({ sessions }: SessionFixture, name = 'test') =>
  join(sessions, '.sessions', name, 'journal');

/** What a session leaves that is saved, whoever has saved it. */
const SAVED = [
  '.sessions/test/archive-index.jsonl.gz',
  '.sessions/test/claim.json',
  '.sessions/test/session.json',
  'test/logs.tar.gz',
];

/** Waits until the journal has shipped so many segments. */
async function journaled(fixture: SessionFixture, segments: number): Promise<void> {
  await eventually(
    async () =>
      (await readdir(journalOf(fixture))).filter(name => name.endsWith('.tar.gz')).length >= segments,
  );
}

/** Waits until the agent's lines are on their way. */
async function counted(fixture: SessionFixture): Promise<void> {
  await eventually(async () => (await readFile(join(fixture.workdir, 'counted.log'))).length > 0);
  // It begins when the session has claimed its name, which may be after the agent's first line.
  await journaled(fixture, 1);
  await journaled(fixture, (await readdir(journalOf(fixture))).length + 2);
}

async function fromArchive(archive: string, name: string): Promise<string> {
  const { stdout } = await promisify(execFile)('tar', ['xzOf', archive, name], { maxBuffer: 2 ** 26 });
  return stdout;
}

describe.concurrent('a session that is saved', () => {
  test('leaves no journal, and reports what it sent', async ({ fixture }) => {
    const session = fixture.start(JOURNAL);
    await journaled(fixture, 2);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(await filesBelow(fixture.sessions)).toEqual(SAVED);
    expect((await readReport(fixture.sessions)).journal?.segments).toBeGreaterThanOrEqual(2);
  });

  test('reports its labels, and keeps them from its log', async ({ fixture }) => {
    const session = fixture.start({ ...JOURNAL, SESSION_LABELS, SESSION_LOG_LEVEL: 'trace' });
    await journaled(fixture, 2);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect((await readReport(fixture.sessions)).labels).toEqual(JSON.parse(SESSION_LABELS));
    expect(session.stdout() + session.stderr()).not.toContain('P-17');
  });
});

describe.concurrent('a session whose container died', () => {
  test('is recovered under the name that it would have had, and its journal is deleted', async ({
    fixture,
  }) => {
    fixture.start(JOURNAL);
    await counted(fixture);
    await fixture.killAll();
    const written = await readFile(join(fixture.workdir, 'counted.log'), 'utf8');
    const recovery = fixture.start({}, 'recover', '--force', folderOf(fixture));
    expect(await recovery.ended(), recovery.stderr()).toEqual({ code: 0, signal: null });
    expect(recovery.stdout()).toContain('recovered to');
    expect(await filesBelow(fixture.sessions)).toEqual(SAVED);
    const recovered = await fromArchive(join(folderOf(fixture), 'logs.tar.gz'), 'counted.log');
    expect(recovered.length).toBeGreaterThan(0);
    expect(written.startsWith(recovered)).toBe(true);
    expect(await readReport(fixture.sessions)).toMatchObject({
      recovered: true,
      saved: 'archive',
      session: 'test',
    });
  });

  test('has its labels in the report of its recovery', async ({ fixture }) => {
    const session = fixture.start({ ...JOURNAL, SESSION_LABELS });
    await counted(fixture);
    session.signal('SIGKILL');
    await fixture.killAll();
    const recovery = fixture.start({}, 'recover', '--force', folderOf(fixture));
    expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
    expect(await readReport(fixture.sessions)).toMatchObject({
      recovered: true,
      labels: JSON.parse(SESSION_LABELS),
    });
    expect(recovery.stdout() + recovery.stderr()).not.toContain('P-17');
  });

  test('is not touched while its last sign of life is fresh', async ({ fixture }) => {
    fixture.start(JOURNAL);
    await journaled(fixture, 1);
    await fixture.killAll();
    const recovery = fixture.start({}, 'recover', folderOf(fixture));
    expect((await recovery.ended()).code).toBe(64);
    expect(recovery.stderr()).toContain('still being written');
    await journaled(fixture, 1);
  });

  test('is found among all others', { tags: ['slow'] }, async ({ fixture }) => {
    fixture.start(JOURNAL);
    await journaled(fixture, 1);
    await fixture.killAll();
    const dry = fixture.start({}, 'recover', '--all', '--dry-run', '--force', fixture.sessions);
    expect((await dry.ended()).code).toBe(0);
    expect(dry.stdout()).toContain('test: would recover');
    await journaled(fixture, 1);
    // What its supervisor was writing when it died.
    const { length } = (await readdir(journalOf(fixture))).filter(name => name.endsWith('.tar.gz'));
    for (const name of [`${`${length + 1}`.padStart(8, '0')}.tar.gz`, 'status.json'])
      await writeFile(join(journalOf(fixture), `${name}.part`), 'half');
    const recovery = fixture.start({}, 'recover', '--all', '--force', fixture.sessions);
    expect((await recovery.ended()).code).toBe(0);
    expect(await filesBelow(fixture.sessions)).toEqual(SAVED);
    const again = fixture.start({}, 'recover', '--all', fixture.sessions);
    expect((await again.ended()).code).toBe(0);
  });

  test('can be recovered into a folder, and keeps its journal', { tags: ['slow'] }, async ({ fixture }) => {
    fixture.start(JOURNAL);
    await counted(fixture);
    await fixture.killAll();
    const output = join(fixture.sessions, 'recovered');
    const recovery = fixture.start({}, 'recover', '--force', '--output', output, folderOf(fixture));
    expect((await recovery.ended()).code).toBe(0);
    await access(join(output, 'counted.log'));
    await journaled(fixture, 2);
  });

  test('keeps the place that its experiment gives it', { tags: ['slow'] }, async ({ fixture }) => {
    const session = fixture.start(JOURNAL);
    await session.logged('"event":"process_started","child":"agent"');
    await writeFile(join(fixture.workdir, 'turk_experiment_id.txt'), 'X1\n');
    await counted(fixture);
    await fixture.killAll();
    const recovery = fixture.start({}, 'recover', '--force', folderOf(fixture));
    expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
    expect(await filesBelow(fixture.sessions)).toEqual([...SAVED.slice(0, 3), 'turk/X1/test/logs.tar.gz']);
  });

  test('keeps the place that the experiment of its environment gives it, without that environment', {
    tags: ['slow'],
  }, async ({ fixture }) => {
    fixture.start({
      ...JOURNAL,
      SESSION_KEY: '[{experiment}/interaction/]{timestamp}',
      TURK_EXPERIMENT_ID: 'X1',
    });
    await journaled(fixture, 1);
    await fixture.killAll();
    const recovery = fixture.start({}, 'recover', '--force', join(fixture.sessions, 'X1/interaction/test'));
    expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
    expect(await filesBelow(fixture.sessions)).toEqual([
      ...SAVED.slice(0, 3),
      'X1/interaction/test/logs.tar.gz',
    ]);
  });

  test('whose recovery was cut off after its archive is not archived twice', { tags: ['slow'] }, async ({
    fixture,
  }) => {
    fixture.start(JOURNAL);
    await journaled(fixture, 2);
    await fixture.killAll();
    const recovery = fixture.start({}, 'recover', '--force', folderOf(fixture));
    // Complete, and no longer under its preliminary name as well.
    await eventually(async () => {
      const names = await readdir(folderOf(fixture));
      return names.includes('logs.tar.gz') && !names.includes('logs.tar.gz.part');
    });
    recovery.signal('SIGKILL');
    await recovery.ended();
    await fixture.start({}, 'recover', '--force', folderOf(fixture)).ended();
    expect(await filesBelow(fixture.sessions)).toEqual(SAVED);
  });
});

const journalBytes = (s3: S3Server) =>
  s3
    .objects()
    .filter(({ key }) => key.includes('/journal/'))
    .reduce((sum, { bytes }) => sum + bytes, 0);

describe.concurrent('a stop that leaves no time for the archive', () => {
  const store = (s3: S3Server) => ({
    SESSION_DESTINATION: 's3://bucket/p',
    SESSION_S3_PATH_STYLE: '1',
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDTEST',
    AWS_SECRET_ACCESS_KEY: 'verysecret',
  });

  /** A session with 12 MiB, and little time for its end. */
  function startNoisy(fixture: SessionFixture, s3: S3Server): RunningSupervisor {
    return fixture.start({
      ...JOURNAL,
      ...store(s3),
      SESSION_STOP_TIMEOUT: '8s',
      SESSION_AGENT_COMMAND: program('agent-writes-noise', 12),
    });
  }

  test('leaves the journal, exits with 21, and says how to recover; recovering makes it whole', {
    tags: ['slow'],
  }, async ({ fixture, onTestFinished }) => {
    const s3 = await startS3Server();
    onTestFinished(() => s3.close());
    const session = startNoisy(fixture, s3);
    s3.setFaults([{ match: { operation: 'UploadPart' }, do: 'stall' }]);
    await eventually(() => s3.counts.UploadPart);
    // What is left for the journal to send is little: a stop that comes later than this loses nothing.
    await eventually(() => journalBytes(s3) > 12 * 1024 * 1024);
    session.signal('SIGTERM');
    expect((await session.ended()).code, session.stdout()).toBe(21);
    expect(s3.uploads()).toEqual([]);
    const { recover, saved } = session.report();
    expect({ recover, saved }).toEqual({
      saved: 'journal',
      recover: 'craftassist-session recover s3://bucket/p/test',
    });
    s3.setFaults([]);
    const recovery = fixture.start(store(s3), 'recover', 's3://bucket/p/test');
    expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
    const keys = s3.objects().map(({ key }) => key);
    expect((await keysWithoutFences(s3, keys)).sort()).toEqual(SAVED.map(key => `p/${key}`));
  });

  test('says how to recover when the last status is not stored either', { tags: ['slow'] }, async ({
    fixture,
    onTestFinished,
  }) => {
    const s3 = await startS3Server({
      gate: ({ operation, key }) => !(operation === 'PutObject' && key.endsWith('/status.json')),
      faults: [{ match: { operation: 'UploadPart' }, do: 'stall' }],
    });
    onTestFinished(() => s3.close());
    const session = startNoisy(fixture, s3);
    await eventually(() => s3.counts.UploadPart);
    await eventually(() => journalBytes(s3) > 12 * 1024 * 1024);
    session.signal('SIGTERM');
    expect((await session.ended()).code, session.stdout()).toBe(21);
    expect(session.report().recover).toBe('craftassist-session recover --force s3://bucket/p/test');
  });

  test('keeps its report when a second signal ends the upload', { tags: ['slow'] }, async ({
    fixture,
    onTestFinished,
  }) => {
    const s3 = await startS3Server();
    onTestFinished(() => s3.close());
    const session = fixture.start({
      ...JOURNAL,
      ...store(s3),
      SESSION_STOP_TIMEOUT: '1h',
      SESSION_AGENT_COMMAND: program('agent-writes-noise', 12),
    });
    s3.setFaults([{ match: { operation: 'UploadPart' }, do: 'stall' }]);
    await eventually(() => s3.counts.UploadPart);
    await session.logged('"event":"journal_flushed"');
    session.signal('SIGTERM');
    await session.logged('"event":"stop_requested"');
    await eventually(() => {
      session.signal('SIGTERM');
      return session.process.exitCode !== null;
    });
    expect((await session.ended()).code).toBe(143);
    expect(s3.objects().map(({ key }) => key)).toContain('p/.sessions/test/session.json');
  });
});

test('tail follows a file of a running session from anywhere, until it ends', { tags: ['slow'] }, async ({
  fixture,
}) => {
  const session = fixture.start({ ...JOURNAL, SESSION_AGENT_COMMAND: program('agent-writes-files') });
  await journaled(fixture, 1);
  await eventually(async () =>
    (await readFile(join(fixture.workdir, 'debug.log'), 'utf8')).includes('line 1000\n'),
  );
  const tail = fixture.start({}, 'tail', folderOf(fixture), 'debug.log');
  await tail.logged('line 1000\n');
  session.signal('SIGTERM');
  expect((await session.ended()).code).toBe(0);
  expect((await tail.ended()).code).toBe(0);
  expect(tail.stdout()).toBe(await readFile(join(fixture.workdir, 'debug.log'), 'utf8'));
});
