import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { ls } from '../../src/cli/ls.ts';
import { given, openFolder, openS3, putFiles, runCommand, savedSession } from './support.ts';

async function folderWith(...sessions: readonly Readonly<Record<string, unknown>>[]): Promise<string> {
  const folder = await openFolder();
  for (const session of sessions) await putFiles(join(folder, 'sessions'), session);
  return folder;
}

const named = (lines: readonly string[]) => lines.map(line => JSON.parse(line).session);

const NAMES = ['2026-11-20T10:00:00.000Z', '2026-11-21T10:00:00.000Z', '2026-11-22T10:00:00.000Z'] as const;

/** Three that began one day after the other, the second one of an experiment, the third cut off by a crash. */
function threeSessions() {
  return folderWith(
    savedSession(NAMES[0], { startedAt: NAMES[0], endedAt: '2026-11-20T10:00:45.000Z' }),
    savedSession(NAMES[1], {
      startedAt: NAMES[1],
      endedAt: '2026-11-21T12:03:00.000Z',
      key: `turk/4711/${NAMES[1]}`,
    }),
    savedSession(NAMES[2], {
      startedAt: NAMES[2],
      endedAt: '2026-11-22T10:12:30.000Z',
      end: { by: 'server-exited', text: 'the server died of SIGSEGV' },
      exitCode: 11,
      saved: 'lost',
      archive: null,
    }),
  );
}

test('a table has what is asked first, the newest session first, and a sum on stderr', async () => {
  const folder = await threeSessions();
  await putFiles(folder, {
    'sessions/notes.txt': 'of somebody else',
    'sessions/backup/session.json': '{"a":1}',
  });
  const { code, lines, stderr } = await runCommand(ls, folder, ['sessions']);
  expect(code).toBe(0);
  expect(lines).toEqual([
    'SESSION                   START (UTC)        LENGTH  END            PEOPLE     SIZE  STATE',
    '2026-11-22T10:00:00.000Z  2026-11-22 10:00  12m 30s  server-exited       2           lost',
    '2026-11-21T10:00:00.000Z  2026-11-21 10:00   2h 03m  agent-exited        2  2.0 KiB  saved',
    '2026-11-20T10:00:00.000Z  2026-11-20 10:00      45s  agent-exited        2  2.0 KiB  saved',
  ]);
  expect(stderr).toEqual([
    '3 sessions, 1 not saved, or not whole: see --unsaved, and show <session>',
    'left out: 2 objects of no session',
  ]);
});

test.each([
  [
    ['--since', '2026-11-21'],
    [2, 1],
  ],
  [['--until', '2026-11-21T10:00'], [0]],
  [['--since', '2026-11-21T11:00+01:00', '--until', '2026-11-22'], [1]],
  [['--reason', 'server-exited'], [2]],
  [['--experiment', '4711'], [1]],
  [['--unsaved'], [2]],
  [
    ['--sort', 'length'],
    [1, 2, 0],
  ],
  [['--reverse'], [0, 1, 2]],
  [['--limit', '1'], [2]],
  [['--limit', '1', '--after', NAMES[2]], [1]],
])('%j selects %j', async (options, expected) => {
  const folder = await threeSessions();
  const { code, lines } = await runCommand(ls, folder, ['--json', ...options, 'sessions']);
  expect({ code, names: named(lines) }).toEqual({ code: 0, names: expected.map(index => NAMES[index]) });
});

test('a session whose journal is being written is live, and how far behind it is is told', async () => {
  const folder = await folderWith({
    [`.sessions/${NAMES[0]}/claim.json`]: { run: RUN, startedAt: NAMES[0] },
    [`.sessions/${NAMES[0]}/journal/status.json`]: { ...STATUS, state: 'writing' },
    [`.sessions/${NAMES[1]}/journal/status.json`]: { ...STATUS, state: 'finished' },
    [`.sessions/${NAMES[2]}/claim.json`]: { run: RUN, startedAt: NAMES[2] },
  });
  const { lines } = await runCommand(ls, folder, ['sessions']);
  expect(lines.slice(1).map(line => line.split(/ {2,}/).at(-1))).toEqual([
    'incomplete',
    'journal only',
    expect.stringMatching(/^live, \d.*s behind$/),
  ]);
  const unsaved = await runCommand(ls, folder, ['--unsaved', '--json', 'sessions']);
  expect(named(unsaved.lines)).toEqual([NAMES[2], NAMES[1]]);
});

const RUN = '8fb0c3f1-cd92-4b13-b8df-b3015a83aebf';
const STATUS = {
  ...{ format: 2, run: RUN, sequence: 0, intervalMs: 2_000, heartbeatMs: 60_000 },
  about: {
    session: 'x',
    archiveName: 'logs.tar.gz',
    codec: 'gzip',
    include: [],
    exclude: [],
    version: '1.0.0',
  },
  ...{ coveredUntil: '2026-11-22T12:00:00.000Z', waiting: { files: 0, bytes: 0, paths: [] } },
};

test('a reason that nobody has is told those that there are', async () => {
  const { code, stderr } = await runCommand(ls, await threeSessions(), ['--reason', 'nix', 'sessions']);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: ['no sessions', 'reasons here: agent-exited, server-exited'],
  });
});

test.each([
  [['--sinse', '7d', 'sessions'], /^there is no option --sinse: did you mean --since\?; see .* ls --help$/],
  [['--since', 'yesterday', 'sessions'], /^--since "yesterday" is no time: write 2026-11-01/],
  [['--limit', 'some', 'sessions'], /^--limit "some" is no number/],
  [['--sort', 'colour', 'sessions'], /^--sort "colour" is unknown: write start, length/],
  [['--csv', '--json', 'sessions'], /^--csv and --json are two formats/],
  [[], /^<destination> is missing/],
  [['a', 'b'], /^"b" is one word too many/],
  [['--since'], /^Option '--since <value>' argument missing/],
])('%j is refused with what to write instead', async (args, message) => {
  const { code, stderr } = await runCommand(ls, await openFolder(), args);
  expect(code).toBe(64);
  expect(stderr).toEqual([expect.stringMatching(message)]);
});

test('no folder and no bucket have a sentence, and 66', async () => {
  const folder = await openFolder();
  const none = await runCommand(ls, folder, ['nowhere']);
  expect(none).toMatchObject({
    code: 66,
    stderr: [expect.stringMatching(/^there is no folder .*nowhere: see/)],
  });
  const { env } = await openS3();
  const bucket = await runCommand(ls, folder, ['s3://no-such-bucket'], { env });
  expect(bucket).toMatchObject({
    code: 66,
    stderr: [expect.stringMatching(/Create the bucket, or correct its name/)],
  });
});

test('the right that is missing is named, and the code is 77; without the right to read the listing is told', async () => {
  const folder = await openFolder();
  const unlisted = await openS3({ mayList: false });
  expect(await runCommand(ls, folder, ['s3://bucket/sessions'], unlisted)).toMatchObject({
    code: 77,
    lines: [],
    stderr: [expect.stringContaining('Allow s3:ListBucket on arn:aws:s3:::bucket.')],
  });
  const unread = await openS3({
    objects: given(savedSession(NAMES[0])),
    faults: [{ match: { operation: 'GetObject' }, do: 'deny' }],
  });
  const { code, lines, stderr } = await runCommand(ls, folder, ['--json', 's3://bucket/sessions'], unread);
  expect({ code, stderr }).toEqual({
    code: 77,
    stderr: [expect.stringContaining('Allow s3:GetObject on arn:aws:s3:::bucket/sessions/*')],
  });
  expect(lines.map(line => JSON.parse(line))).toMatchObject([
    { session: NAMES[0], state: 'saved', end: null },
  ]);
});

test('what has not changed is not read again, and what has is', async () => {
  const folder = await openFolder();
  const { s3, env } = await openS3({
    objects: given({ ...savedSession(NAMES[0]), ...savedSession(NAMES[1]) }),
  });
  const list = () => runCommand(ls, folder, ['--json', 's3://bucket/sessions'], { env });
  const reads = () => s3.counts.GetObject ?? 0;
  const first = await list();
  expect(reads()).toBe(2);
  expect(await list()).toEqual(first);
  expect(reads()).toBe(2);
  const [changed] = given(savedSession(NAMES[0], { exitCode: 12 }));
  await fetch(`${s3.url}/bucket/${changed?.key}`, { method: 'PUT', body: changed?.body ?? '' });
  expect((await list()).lines.map(line => JSON.parse(line).exitCode)).toEqual([0, 12]);
  expect(reads()).toBe(3);
});

test('the cache is private, and one that is damaged or of another version is ignored', async () => {
  const folder = await folderWith(savedSession(NAMES[0]), savedSession(NAMES[1]));
  const list = () => runCommand(ls, folder, ['--json', 'sessions']);
  const right = await list();
  expect(right.lines).toHaveLength(2);
  const cache = join(folder, 'cache/craftassist-session');
  const [name = ''] = await readdir(cache);
  expect((await stat(join(cache, name))).mode & 0o777).toBe(0o600);
  const text = await readFile(join(cache, name), 'utf8');
  const [header = '', ...rows] = text.split('\n');
  // The first one is believed, so that the test would see one that is not ignored.
  const wrong = rows.map(row => row.replace('agent-exited', 'not-so'));
  await writeFile(join(cache, name), [header, ...wrong].join('\n'));
  expect((await list()).lines.join()).toContain('not-so');
  const damaged = [
    [header.replace('"format":1', '"format":99'), ...wrong],
    [header.replace('sessions', 'others'), ...wrong],
    ['', ...wrong],
    [header, ...wrong.map(row => row.slice(0, -10))],
    [header, ...wrong.map(row => row.replace('"saved":"archive"', '"saved":7'))],
    ['\0\0\0'],
  ];
  for (const lines of damaged) {
    await writeFile(join(cache, name), lines.join('\n'));
    expect(await list()).toEqual(right);
  }
});

test('names with control characters are escaped in every format, and no cell of the CSV is a formula', async () => {
  const name = '=1+1\x1b[31m\u202e';
  const folder = await folderWith(savedSession(name, { end: { by: 'x\x07\u009b', text: '' } }));
  for (const format of [[], ['--json'], ['--csv']]) {
    const { lines, stderr } = await runCommand(ls, folder, [...format, 'sessions']);
    const text = [...lines, ...stderr].join('');
    expect(text, format.join()).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(text).toMatch(/=1\+1\\(x1b|u001b)\[31m\\u202e/);
  }
  const { lines } = await runCommand(ls, folder, ['--csv', 'sessions']);
  expect(parse(lines.join('\n'), { columns: true })).toMatchObject([{ session: "'=1+1\\x1b[31m\\u202e" }]);
});

test('a table fits a terminal, in colours unless NO_COLOR is set', async () => {
  const folder = await threeSessions();
  const colourless = await runCommand(ls, folder, ['sessions'], { terminal: true, env: { NO_COLOR: '1' } });
  expect(colourless.lines.join('')).not.toContain('\x1b');
  const { lines } = await runCommand(ls, folder, ['sessions'], { terminal: true });
  expect(lines.join('')).toContain('\x1b[31mlost');
});
