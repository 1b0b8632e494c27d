import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { READERS, unpack } from '../archive/readers.ts';
import { describeTree } from '../archive/trees.ts';
import { eventually } from '../support/eventually.ts';
import { segmentsIn, unzipped } from '../support/journal.ts';
import { program, readReport, type SessionFixture } from '../support/session.ts';
import { test } from '../support/session-test.ts';
import { describeSparse, plantSparse, SPARSE_AS_PLANTED } from '../support/sparse.ts';

const ENVIRONMENT = {
  SESSION_AGENT_COMMAND: program('agent-runs'),
  SESSION_JOURNAL_INTERVAL: '50ms',
  SESSION_STOP_GRACE: '30s',
};
/** The absolute path of the deepest file; Linux takes 4,095 bytes. */
const LONGEST = 4075;
const NAMES = [
  'new\nline\n',
  '*.{a,b} [!c]? \\ "',
  '-rf --checkpoint-action=exec=sh',
  ' ',
  '#00000002@00000000000000000000',
  '\ud83e\uddf1'.repeat(63),
  Buffer.from([0xff, 0xfe, 0x80, 0xc3, 0x28]),
];
/** Before 1970, and beyond what eleven octal digits and 32 bits express. */
const TIMES = [-86_400 * 3650, -1, 0, 2 ** 32, 2 ** 33 + 1];

function plant(workdir: string): void {
  const odd = join(workdir, 'odd');
  fs.mkdirSync(odd, { recursive: true });
  for (const name of NAMES)
    fs.writeFileSync(Buffer.concat([Buffer.from(`${odd}/`), Buffer.from(name)]), `content of ${name}`);
  for (const seconds of TIMES) {
    const file = join(odd, `time ${seconds}`);
    fs.writeFileSync(file, 'old or new');
    fs.utimesSync(file, new Date(seconds * 1000), new Date(seconds * 1000));
  }
  let folder = odd;
  while (LONGEST - folder.length > 250) folder = join(folder, 'd'.repeat(200));
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(join(folder, 'f'.repeat(LONGEST - folder.length - 1)), 'deep down');
  fs.mkdirSync(join(workdir, 'sparse'));
  plantSparse(join(workdir, 'sparse'));
  execFileSync('mkfifo', [join(workdir, 'pipe')]);
}

const describeOdd = (folder: string): unknown => ({
  odd: describeTree(join(folder, 'odd')),
  sparse: describeSparse(join(folder, 'sparse')),
});

/** Without what a journal does not record, and what is too deep for the folder of a recovery. */
const describeRecovered = (folder: string): unknown => ({
  odd: describeTree(join(folder, 'odd'))
    .filter(line => !line.includes('d/d'))
    .filter(line => line.length < 3900)
    .map(line => line.replace(/ \d+ 0 folder$/, ' folder')),
  sparse: describeSparse(join(folder, 'sparse')),
});

function archiveIn({ sessions }: SessionFixture): Buffer {
  return fs.readFileSync(join(sessions, 'test/logs.tar.gz'));
}

const GNU_TAR_AND_PYTHON = READERS.filter(({ name }) => /GNU|Python/.test(name));

test('files of every kind are in the archive as they are', { tags: ['slow'] }, async ({ fixture }) => {
  const { workdir, start } = fixture;
  plant(workdir);
  const session = start(ENVIRONMENT);
  await session.logged('"event":"process_started","child":"agent"');
  session.signal('SIGTERM');
  expect((await session.ended()).code, session.stdout()).toBe(0);
  expect(session.report().archive?.skipped).toMatchObject({
    total: 1,
    first: [{ path: 'pipe', why: 'a named pipe' }],
  });
  const planted = describeOdd(workdir);
  expect(planted).toMatchObject({ sparse: SPARSE_AS_PLANTED });
  for (const reader of GNU_TAR_AND_PYTHON)
    expect(unpack(reader, archiveIn(fixture), dirname(workdir), describeOdd), reader.name).toEqual(planted);
});

test('files of every kind are recovered as they were, or named', { tags: ['slow'] }, async ({ fixture }) => {
  const { workdir, sessions, start, killAll } = fixture;
  plant(workdir);
  const session = start(ENVIRONMENT);
  const journal = join(sessions, '.sessions/test/journal');
  await session.logged('"event":"process_started","child":"agent"');
  await eventually(async () => {
    const last = (await segmentsIn(journal)).at(-1);
    return last !== undefined && (await unzipped(last)).includes('"waiting":{"files":0');
  });
  await killAll();
  const recovery = start({}, 'recover', '--force', `file://${sessions}/test`);
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  const { files } = await readReport(sessions);
  expect(files?.displaced).toMatchObject({
    total: 1,
    first: [{ path: expect.stringMatching(/^too long/), of: expect.stringMatching(/\/f+$/), bytes: 9 }],
  });
  const planted = describeRecovered(workdir);
  for (const reader of GNU_TAR_AND_PYTHON)
    expect(unpack(reader, archiveIn(fixture), dirname(workdir), describeRecovered), reader.name).toEqual(
      planted,
    );
});
