/**
 * @module-tag slow
 */
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { prune } from '../../src/cli/prune.ts';
import { openFolder, openS3, runCommand } from '../catalogue/support.ts';
import { placeIn, playBeforeAll, YESTERDAY } from '../support/placed-sessions.ts';
import type { SessionObjects } from '../support/sessions-of-every-ending.ts';

const { objectsOf, nameOf, savedWithJournal } = playBeforeAll();

async function placed(objects: SessionObjects): Promise<string> {
  const folder = await openFolder();
  await mkdir(join(folder, 'tmp'));
  await placeIn(join(folder, 'sessions'), objects);
  return folder;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();
}

const ARGS = ['--scratch', 'tmp', 'sessions'];

test('the journal of a session whose archive is whole may go, and goes when that is asked for', async () => {
  const folder = await placed([
    ...savedWithJournal('saved'),
    ...objectsOf('killed'),
    ...objectsOf('recovered'),
  ]);
  const before = await filesIn(folder);
  const dry = await runCommand(prune, folder, ARGS);
  const journal = `file://${folder}/sessions/.sessions/${nameOf('saved')}/journal`;
  expect(dry).toEqual({
    code: 0,
    lines: [
      expect.stringMatching(
        new RegExp(`^would delete ${journal}, [^:]*: its archive is whole, and what its report`),
      ),
    ],
    stderr: [expect.stringMatching(/^1 thing, .* may go: --yes deletes them$/)],
  });
  expect((await filesIn(folder)).filter(file => !file.includes('/cache/'))).toEqual(before);

  const done = await runCommand(prune, folder, ['--yes', ...ARGS]);
  expect(done).toMatchObject({ code: 0, lines: [expect.stringContaining(`deleted ${journal}`)] });
  // Fences stay: a session that only seemed dead would write on otherwise.
  const own = join(folder, 'sessions', '.sessions', nameOf('saved'), 'journal');
  const left = await filesIn(folder);
  for (const name of ['00000001.tar.gz', 'status.json']) expect(left).not.toContain(join(own, name));
  const kept = before.filter(file => !file.includes(`/.sessions/${nameOf('saved')}/journal/`));
  expect(await filesIn(folder)).toEqual(expect.arrayContaining(kept));
  const again = await runCommand(prune, folder, ['--yes', ...ARGS]);
  expect(again).toEqual({ code: 0, lines: [], stderr: ['0 things, 0 B'] });
});

test('a journal stays that a recovery alone has saved, which may make its archive anew, and recover is named', async () => {
  const folder = await placed(savedWithJournal('recovered'));
  const before = await filesIn(join(folder, 'sessions'));
  const session = `file://${folder}/sessions/${nameOf('recovered')}`;
  const journal = `file://${folder}/sessions/.sessions/${nameOf('recovered')}/journal`;
  const left = `${journal} stays, since a recovery has saved it, and not its session: craftassist-session recover ${session} sees to it`;
  for (const [args, end] of [
    [ARGS, 'nothing may go'],
    [['--yes', ...ARGS], '0 things, 0 B'],
  ] as const) {
    const run = await runCommand(prune, folder, args);
    expect(run).toEqual({ code: 0, lines: [], stderr: [left, end] });
    expect(await filesIn(join(folder, 'sessions'))).toEqual(before);
  }
});

test.each(['archive', 'journal'])('a journal stays where its %s is damaged', async what => {
  const folder = await placed(savedWithJournal('saved'));
  const archive = join(folder, 'sessions', nameOf('saved'), 'logs.tar.gz');
  const journal = join(folder, 'sessions', '.sessions', nameOf('saved'), 'journal');
  const file = what === 'archive' ? archive : join(journal, '00000001.tar.gz');
  const bytes = await readFile(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x55;
  await writeFile(file, bytes);
  await utimes(file, YESTERDAY, YESTERDAY);
  const before = await filesIn(folder);
  const { code, lines } = await runCommand(prune, folder, ['--yes', ...ARGS]);
  expect({ code, lines }).toEqual({ code: 0, lines: [] });
  expect(await filesIn(folder)).toEqual(before);
});

test('an upload goes that was begun more than a day ago, and none that may be under way', async () => {
  const folder = await placed(objectsOf('saved'));
  const [old, young] = ['old', 'young'].map(name => join(folder, 'sessions', name, 'logs.tar.gz.part'));
  for (const part of [old, young]) {
    await mkdir(dirname(part ?? ''));
    await writeFile(part ?? '', 'half');
  }
  await utimes(old ?? '', YESTERDAY, YESTERDAY);
  const { code, lines } = await runCommand(prune, folder, ['--yes', '--json', ...ARGS]);
  expect(code).toBe(0);
  expect(lines.map(line => JSON.parse(line))).toEqual([
    {
      ...{ kind: 'upload', url: `file://${folder}/sessions/old/logs.tar.gz`, bytes: null, isDeleted: true },
      why: `an upload that began ${YESTERDAY.toISOString()} was never ended`,
    },
  ]);
  expect(await filesIn(join(folder, 'sessions'))).not.toContain(old);
  expect(await filesIn(join(folder, 'sessions'))).toContain(young);
});

test('what recoveries have left that were killed goes, and what others need stays', async () => {
  const folder = await placed(objectsOf('saved'));
  const tmp = join(folder, 'tmp');
  const owner = { pid: 2 ** 22 + 1, startTicks: 1, scope: '' };
  for (const [name, content] of [
    ['craftassist-recovery-gone', owner],
    ['craftassist-recovery-unsigned', undefined],
    ['other', owner],
  ] as const) {
    await mkdir(join(tmp, name));
    if (content === undefined) continue;
    await writeFile(join(tmp, name, 'owner.json'), JSON.stringify(content));
    await utimes(join(tmp, name, 'owner.json'), YESTERDAY, YESTERDAY);
  }
  const { lines } = await runCommand(prune, folder, ['--yes', ...ARGS]);
  expect(lines).toEqual([`deleted ${tmp}/craftassist-recovery-gone: a recovery that was killed has left it`]);
  expect((await readdir(tmp)).toSorted()).toEqual(['craftassist-recovery-unsigned', 'other']);
});

test('without the right to find uploads that is told, and the code is 77; without rights to delete nothing is lost', async () => {
  const folder = await openFolder();
  await mkdir(join(folder, 'tmp'));
  const objects = savedWithJournal('saved').map(({ key, ...rest }) => ({ ...rest, key: `sessions/${key}` }));
  const { s3, env } = await openS3({
    objects,
    faults: [
      { match: { operation: 'ListMultipartUploads' }, do: 'deny' },
      { match: { operation: 'DeleteObjects' }, do: 'deny' },
    ],
  });
  const args = ['--scratch', 'tmp', 's3://bucket/sessions'];
  const dry = await runCommand(prune, folder, args, { env });
  expect(dry.code).toBe(77);
  expect(dry.lines).toHaveLength(1);
  expect(dry.stderr.join()).toMatch(
    /uploads that are left open were not looked for: .*s3:ListBucketMultipartUploads/,
  );
  const { code, stderr } = await runCommand(prune, folder, ['--yes', ...args], { env });
  expect(code).toBe(20);
  expect(stderr.join()).toMatch(/journal was not deleted: /);
  const keys = s3.objects().map(({ key }) => key);
  expect(keys).toEqual(expect.arrayContaining(objects.map(({ key }) => key)));
});
