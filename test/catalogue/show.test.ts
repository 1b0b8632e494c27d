import { join } from 'node:path';
import { expect, test } from 'vitest';
import { show } from '../../src/cli/show.ts';
import { given, openFolder, openS3, putFiles, runCommand, savedSession } from './support.ts';

const NAME = '2026-11-22T11:00:00.000Z';

const REPORT = {
  phases: [
    { phase: 'starting', ms: 20_000 },
    { phase: 'playing', ms: 3_600_000 },
    { phase: 'stopping', ms: 90_000 },
    { phase: 'saving', ms: 10_000 },
  ],
  people: {
    peak: 2,
    changes: [
      { kind: 'joined', count: 2, atMs: 60_000 },
      { kind: 'left', count: 1, atMs: 600_000 },
    ],
  },
  children: [{ name: 'agent', text: 'exited', ms: 3_600_000, stoppedBy: [], outOfMemory: false }],
  incomplete: ['the agent was ended by SIGSEGV: what it had not written may be missing'],
};

async function folderWith(objects: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await openFolder();
  await putFiles(join(folder, 'sessions'), objects);
  return folder;
}

test('a session is told by when what happened, where everything lies, and what is missing', async () => {
  const folder = await folderWith(savedSession(NAME, REPORT));
  const { code, lines, stderr } = await runCommand(show, folder, [`sessions/${NAME}`]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
  expect(lines).toEqual([
    `${NAME}  saved`,
    '',
    'What happened (UTC)',
    '  2026-11-22 11:00:00  the session began',
    '  2026-11-22 11:00:00  starting, for 20s',
    '  2026-11-22 11:00:20  playing, for 1h 00m',
    '  2026-11-22 11:01:20  2 people joined',
    '  2026-11-22 11:10:20  one person left',
    '  2026-11-22 12:00:20  stopping, for 1m 30s',
    '  2026-11-22 12:01:50  saving, for 10s',
    '  2026-11-22 12:02:00  over: the agent exited',
    '',
    'What is known',
    '  exit code  0',
    '  people     2 at most',
    '  agent      exited after 1h 00m',
    '',
    'Where it lies',
    `  archive  file://${folder}/sessions/${NAME}/logs.tar.gz  2.0 KiB`,
    `  report   file://${folder}/sessions/.sessions/${NAME}/session.json`,
    '',
    'What is missing',
    '  the agent was ended by SIGSEGV: what it had not written may be missing',
  ]);
});

test('its facts and its report are one line of JSON', async () => {
  const folder = await folderWith(savedSession(NAME, { ...REPORT, key: `turk/4711/${NAME}` }));
  const { lines } = await runCommand(show, folder, ['--json', `sessions/${NAME}`]);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    ...{ session: NAME, state: 'saved', experiment: '4711', archiveKey: `turk/4711/${NAME}/logs.tar.gz` },
    report: { session: NAME, phases: REPORT.phases },
  });
});

test.each([
  ['.sessions', `sessions/.sessions/${NAME}`],
  ['the folder of the archive', `sessions/turk/4711/${NAME}`],
])('a session is found by %s', async (_, url) => {
  const folder = await folderWith(savedSession(NAME, { key: `turk/4711/${NAME}` }));
  const { code, lines } = await runCommand(show, folder, [url]);
  expect({ code, first: lines[0] }).toEqual({ code: 0, first: `${NAME}  saved` });
});

test('an archive that lies alone, as the script before left it, is a session', async () => {
  const folder = await folderWith({ [`turk/4711/${NAME}/logs.tar.gz`]: 'x' });
  const { code, lines } = await runCommand(show, folder, [`sessions/turk/4711/${NAME}`]);
  expect({ code, first: lines[0] }).toEqual({ code: 0, first: `${NAME}  saved: it has no report` });
});

test('only the sessions of that TIMESTAMP are shown, all of them', async () => {
  const folder = await folderWith({
    ...savedSession(NAME),
    ...savedSession(`${NAME}.2`),
    ...savedSession(`${NAME}-other`),
  });
  const { lines } = await runCommand(show, folder, ['--json', `sessions/${NAME}`]);
  expect(lines.map(line => JSON.parse(line).session)).toEqual([NAME, `${NAME}.2`]);
});

test.each([
  [
    'an archive that is gone',
    { archive: null, saved: 'archive', archiveGone: true },
    /^ {2}look for the archive in/,
  ],
  [
    'a journal',
    { archive: null, saved: 'journal', journal: true },
    /^ {2}craftassist-session recover file:.*\/2026/,
  ],
])(
  'of %s the command that mends it, or the advice, is told',
  async (_, { journal, archiveGone, ...changes }: Record<string, unknown>, remedy) => {
    const gone = archiveGone ? { archive: { key: `${NAME}/logs.tar.gz`, bytes: 7 } } : {};
    const [report] = Object.values(savedSession(NAME, changes));
    const status = journal ? { [`.sessions/${NAME}/journal/status.json`]: STATUS } : {};
    const files = { [`.sessions/${NAME}/session.json`]: { ...Object(report), ...gone }, ...status };
    const { lines } = await runCommand(show, await folderWith(files), [`sessions/${NAME}`]);
    expect(lines.at(-2)).toBe('What to do');
    expect(lines.at(-1)).toMatch(remedy);
  },
);

const STATUS = {
  ...{ format: 2, run: '8fb0c3f1-cd92-4b13-b8df-b3015a83aebf', state: 'finished', sequence: 0 },
  about: {
    session: NAME,
    archiveName: 'logs.tar.gz',
    codec: 'gzip',
    include: [],
    exclude: [],
    version: '1.0.0',
  },
  ...{ intervalMs: 2_000, heartbeatMs: 60_000, coveredUntil: '2026-11-22T12:00:00.000Z' },
  waiting: { files: 0, bytes: 0, paths: [] },
};

test('texts from elsewhere are shown with what a terminal would obey escaped', async () => {
  const end = { by: 'bug', text: 'it said \x1b]0;title\x07' };
  const folder = await folderWith(savedSession(NAME, { end, incomplete: ['\x1b[2J'] }));
  const { lines } = await runCommand(show, folder, [`sessions/${NAME}`]);
  expect(lines.join('')).not.toMatch(/\p{Cc}/u);
  expect(lines.join('')).toContain('it said \\x1b]0;title\\x07');
});

test('on a terminal what lies in a folder is a link', async () => {
  const name = 'half 50%';
  const folder = await folderWith(savedSession(name));
  const { lines } = await runCommand(show, folder, [`sessions/${name}`], { terminal: true });
  const url = `file://${folder}/sessions`;
  expect(lines.join('\n')).toContain(
    `\x1b]8;;${url}/half%2050%25/logs.tar.gz\x1b\\${url}/half 50%/logs.tar.gz\x1b]8;;\x1b\\`,
  );
});

test('a session that is not there has a sentence, and 66', async () => {
  const folder = await folderWith(savedSession(NAME));
  const { code, stderr } = await runCommand(show, folder, ['sessions/2026-11-23']);
  expect({ code, stderr }).toEqual({
    code: 66,
    stderr: [
      'there is no session at sessions/2026-11-23: craftassist-session ls lists those of a destination',
    ],
  });
});

test('of a session in S3 the right that is missing is named, and the code is 77', async () => {
  const folder = await openFolder();
  const url = `s3://bucket/sessions/${NAME}`;
  const unlisted = await openS3({ objects: given(savedSession(NAME)), mayList: false });
  const { code, stderr } = await runCommand(show, folder, [url], unlisted);
  expect({ code, stderr }).toEqual({
    code: 77,
    stderr: [expect.stringContaining('Allow s3:ListBucket on arn:aws:s3:::bucket.')],
  });
});
