import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { STATUS_KEY, segmentKey } from '../../src/journal/format/schema.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { SUPERVISOR } from '../support/built.ts';
import { piece, putSegments } from '../support/segments.ts';
import { filesBelow, readReport, type SessionFixture } from '../support/session.ts';
import { test as sessionTest } from '../support/session-test.ts';

const JOURNAL = '.sessions/test/journal';
const THREE = [
  { pieces: [piece('agent.log', 'one\n')] },
  { pieces: [piece('agent.log', 'two\n', { offset: 4 })] },
  { pieces: [piece('agent.log', 'three\n', { offset: 8 })] },
];

interface Damageable {
  readonly fixture: SessionFixture;
  /** The path of a segment, or of the status. */
  readonly at: (object: number | 'status') => string;
  recover(...options: string[]): Promise<{ code: number | null; text: string }>;
  files(): Promise<string[]>;
}

const test = sessionTest.extend('journal', async ({ fixture }): Promise<Damageable> => {
  const store = openDirectoryStore(fixture.sessions);
  await putSegments(store, THREE, JOURNAL);
  store.close();
  return {
    fixture,
    at: object => join(fixture.sessions, JOURNAL, object === 'status' ? STATUS_KEY : segmentKey(object)),
    async recover(...options) {
      const recovery = fixture.start({}, 'recover', '--force', ...options, join(fixture.sessions, 'test'));
      const { code } = await recovery.ended();
      return { code, text: recovery.stdout() + recovery.stderr() };
    },
    files: () => filesBelow(fixture.sessions),
  };
});

async function damage(file: string): Promise<void> {
  const object = await readFile(file);
  object[object.length >> 1] = (object[object.length >> 1] ?? 0) ^ 0xff;
  await writeFile(file, object);
}

/** As a later version might have written it. */
async function makeNewer(file: string): Promise<void> {
  const isSegment = file.endsWith('.gz');
  const object = await readFile(file);
  const text = (isSegment ? gunzipSync(object) : object).toString('latin1');
  const newer = Buffer.from(text.replace('"format":1', '"format":7'), 'latin1');
  await writeFile(file, isSegment ? gzipSync(newer) : newer);
}

const SEGMENTS = [1, 2, 3].map(sequence => `${JOURNAL}/${segmentKey(sequence)}`);

describe.concurrent('a journal with a segment that', () => {
  for (const [what, tags, harm] of [
    ['is damaged', [], damage],
    ['is missing', ['slow'], rm],
  ] as const) {
    test(`${what} is kept beside the archive of all that can be read`, { tags: [...tags] }, async ({
      journal,
    }) => {
      await harm(journal.at(2));
      const { code, text } = await journal.recover();
      expect(code, text).toBe(22);
      expect(text).toMatch(/00000002\.tar\.gz: it is /);
      expect(text).toContain('1 file with bytes missing: agent.log (4 to 8)');
      expect(text).toContain('--discard-damaged');
      expect(await journal.files()).toEqual(expect.arrayContaining([SEGMENTS[0], SEGMENTS[2]]));
      const archive = join(journal.fixture.sessions, 'test/logs.tar.gz');
      const { stdout } = await promisify(execFile)('tar', ['xzOf', archive, 'agent.log']);
      expect(stdout).toBe('one\n');
      expect(await readReport(journal.fixture.sessions)).toMatchObject({
        saved: 'archive',
        complete: false,
        journalKept: true,
        problems: [{ segment: segmentKey(2) }],
        files: { gaps: { total: 1, first: [{ path: 'agent.log', from: 4, to: 8 }] } },
      });
    });
  }

  test('is damaged is named in one line by later recoveries, and goes when a person says so', {
    tags: ['slow'],
  }, async ({ journal }) => {
    await damage(journal.at(2));
    await journal.recover();
    const before = await journal.files();
    const archive = join(journal.fixture.sessions, 'test/logs.tar.gz');
    const { mtimeMs, ino } = await stat(archive);
    const again = await journal.recover();
    expect(again.code, again.text).toBe(22);
    expect(again.text.trim().split('\n')).toEqual([
      expect.stringMatching(/saved with damage at test\/logs\.tar\.gz.*one fault.*--discard-damaged$/),
    ]);
    expect(await journal.files()).toEqual(before);
    expect(await stat(archive)).toMatchObject({ mtimeMs, ino });
    const last = await journal.recover('--discard-damaged');
    expect(last.code, last.text).toBe(0);
    expect(await journal.files()).toEqual([
      '.sessions/test/archive-index.jsonl.gz',
      '.sessions/test/session.json',
      'test/logs.tar.gz',
    ]);
  });

  test('is readable again is recovered into another archive, and is gone', { tags: ['slow'] }, async ({
    journal,
  }) => {
    const whole = await readFile(journal.at(2));
    await rm(journal.at(2));
    expect((await journal.recover()).code).toBe(22);
    await writeFile(journal.at(2), whole);
    const { code, text } = await journal.recover();
    expect(code, text).toBe(0);
    const archives = (await journal.files()).filter(file => file.endsWith('logs.tar.gz'));
    expect(archives).toHaveLength(2);
    const { archive } = await readReport(journal.fixture.sessions);
    const path = join(journal.fixture.sessions, archive?.key ?? '');
    const { stdout } = await promisify(execFile)('tar', ['xzOf', path, 'agent.log']);
    expect(stdout).toBe('one\ntwo\nthree\n');
    expect((await journal.files()).filter(file => file.startsWith(JOURNAL))).toEqual([]);
  });

  test('is damaged, as are all others, is kept without an archive, and not read again until it changes', {
    tags: ['slow'],
  }, async ({ journal }) => {
    const whole = await readFile(journal.at(2));
    for (const sequence of [1, 2, 3]) await damage(journal.at(sequence));
    const before = await journal.files();
    const first = await journal.recover();
    expect(first.code, first.text).toBe(20);
    expect(first.text).toContain('nothing of it can be read: 00000001.tar.gz');
    expect(await journal.files()).toEqual([...before, `${JOURNAL}/recovery.json`].sort());
    // Fences are counted too.
    const objects = await readdir(dirname(journal.at(1)));
    const again = await journal.recover();
    expect(again.code, again.text).toBe(20);
    expect(again.text.trim().split('\n')).toEqual([
      expect.stringMatching(/the journal was kept: nothing of it can be read: 00000001\.tar\.gz/),
    ]);
    expect(await readdir(dirname(journal.at(1)))).toEqual(objects);

    await writeFile(journal.at(2), whole);
    const mended = await journal.recover();
    expect(mended.code, mended.text).toBe(22);
    expect(await journal.files()).toContain('test/logs.tar.gz');
  });

  test('a later version has written is left as it is, and the version that reads it is named', async ({
    journal,
  }) => {
    await makeNewer(journal.at(3));
    const before = await journal.files();
    const { code, text } = await journal.recover();
    expect(code, text).toBe(20);
    expect(text).toMatch(/the journal has format 7.*recover it with version \S+ of craftassist-session/);
    expect(await journal.files()).toEqual(before);
  });
});

test('a user who is not root recovers what its owner may neither read nor enter', { tags: ['slow'] }, async ({
  fixture,
}) => {
  const store = openDirectoryStore(fixture.sessions);
  const hidden = { mode: 0 };
  const pieces = [
    piece('hidden.log', 'hidden', hidden),
    piece('locked/inner.log', 'inner', { generation: 2 }),
  ];
  await putSegments(store, [{ pieces, folders: [{ path: 'locked', ...hidden }] }], JOURNAL);
  store.close();
  const folder = join(fixture.sessions, '..');
  // As root: somebody else has to play that user.
  const user = process.getuid?.() === 0 ? { uid: 1_000_000 + process.pid, gid: 1_000_000 } : {};
  if (user.uid !== undefined) await promisify(execFile)('chown', ['-R', `${user.uid}:${user.gid}`, folder]);
  const args = [SUPERVISOR, 'recover', '--force', join(fixture.sessions, 'test')];
  await promisify(execFile)(process.execPath, args, {
    env: { TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: '1' },
    ...user,
  });
  const archive = join(fixture.sessions, 'test/logs.tar.gz');
  const { stdout } = await promisify(execFile)('tar', ['xzOf', archive, 'hidden.log', 'locked/inner.log']);
  expect(stdout).toBe('hiddeninner');
  expect((await filesBelow(folder)).sort()).toEqual([
    'sessions/.sessions/test/archive-index.jsonl.gz',
    'sessions/.sessions/test/session.json',
    'sessions/test/logs.tar.gz',
  ]);
});
