/**
 * @module-tag slow
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { amend } from '../../src/cli/amend.ts';
import { show } from '../../src/cli/show.ts';
import { verify } from '../../src/cli/verify.ts';
import { openFolder, openS3, runCommand } from '../catalogue/support.ts';
import { inBucket, placeIn, playBeforeAll, YESTERDAY } from '../support/placed-sessions.ts';
import type { EndingName, SessionObjects } from '../support/sessions-of-every-ending.ts';
import { expectAmended, filesIn, WHY, writeChanged } from './amending.ts';

const { objectsOf, nameOf, savedWithJournal } = playBeforeAll();

/** A session with the name of a person in its report, and with something that a later version has made of its archive. */
function withTraces(ending: EndingName): SessionObjects {
  const own = `.sessions/${nameOf(ending)}`;
  return [
    ...objectsOf(ending).map(object =>
      object.key === `${own}/session.json` ? { ...object, body: withNames(object.body) } : object,
    ),
    { key: `${own}/blocks.json`, body: Buffer.from('["Walker.log"]'), modifiedMs: YESTERDAY.getTime() },
  ];
}

function withNames(report: Buffer): Buffer {
  const names = { online: ['Walker'], stays: [] };
  return Buffer.from(JSON.stringify({ ...JSON.parse(`${report}`), names, labels: { worker: 'A1' } }));
}

interface Placed {
  readonly folder: string;
  readonly session: string;
}

/** A session in the folder `sessions`, and in the folder `changed` what it is to hold. */
async function placed(objects: SessionObjects, name: string): Promise<Placed> {
  const folder = await openFolder();
  await placeIn(join(folder, 'sessions'), objects);
  await writeChanged(folder);
  return { folder, session: `sessions/${name}` };
}

async function reportIn({ folder, session }: Placed) {
  const own = session.replace('sessions/', 'sessions/.sessions/');
  return JSON.parse(await readFile(join(folder, own, 'session.json'), 'utf8'));
}

test('another archive takes the place of the old one, of which nothing is left, and report and archive fit', async () => {
  const name = nameOf('saved');
  const place = await placed(withTraces('saved'), name);
  const { folder, session } = place;
  const before = await filesIn(join(folder, 'sessions'));
  const old = await reportIn(place);
  const at = `file://${folder}/sessions`;

  const dry = await runCommand(amend, folder, [...WHY, session, 'changed']);
  expect(dry).toEqual({
    code: 0,
    lines: [
      `would pack 1 file, 15 B, of ${folder}/changed, and name that archive in ${at}/.sessions/${name}/session.json`,
      `would delete ${at}/${name}/logs.tar.gz`,
      `would delete ${at}/.sessions/${name}/archive-index.jsonl.gz`,
      `would delete ${at}/.sessions/${name}/blocks.json`,
    ],
    stderr: ['nothing was changed: --yes does it'],
  });
  expect(await filesIn(join(folder, 'sessions'))).toEqual(before);

  const done = await runCommand(amend, folder, ['--yes', ...WHY, session, 'changed']);
  expect(done).toMatchObject({ code: 0, stderr: [] });
  expect(done.lines[0]).toMatch(
    new RegExp(`^stored ${at}/${name}/logs\\.2\\.tar\\.gz, 1 file, .*: it was read back`),
  );
  expect(await filesIn(join(folder, 'sessions'))).toEqual([
    `.sessions/${name}/archive-index.jsonl.gz`,
    `.sessions/${name}/claim.json`,
    `.sessions/${name}/session.json`,
    `${name}/logs.2.tar.gz`,
  ]);
  await expectAmended(folder, session);
  const report = await reportIn(place);
  expect(report).toMatchObject({
    ...{ run: old.run, end: old.end, names: old.names, labels: old.labels },
    archive: { key: `${name}/logs.2.tar.gz`, files: 1, verified: true },
    amended: [{ why: 'consent withdrawn', instead: { key: old.archive.key, sha256: old.archive.sha256 } }],
  });
  const shown = await runCommand(show, folder, [session]);
  expect(shown.lines.join('\n')).toMatch(/\d\d:\d\d {2}amended, its archive replaced: consent withdrawn$/m);
});

test('of a second amendment the archive has the first name again, and without names no name is left', async () => {
  const name = nameOf('saved');
  const place = await placed(withTraces('saved'), name);
  const { folder, session } = place;
  await runCommand(amend, folder, ['--yes', ...WHY, session, 'changed']);
  const again = ['--yes', '--drop-names', '--why', 'another one', session, 'changed'];
  expect(await runCommand(amend, folder, again)).toMatchObject({ code: 0 });
  expect(await filesIn(join(folder, 'sessions', name))).toEqual(['logs.tar.gz']);
  const report = await reportIn(place);
  expect(report.amended.map(({ why }: { why: string }) => why)).toEqual(['consent withdrawn', 'another one']);
  expect(JSON.stringify(report)).not.toMatch(/Walker|A1/);
  await expectAmended(folder, session);
});

test('the journal that a recovery has kept goes as well, and nothing brings back what it held', async () => {
  const name = nameOf('recovered');
  const { folder, session } = await placed(savedWithJournal('recovered'), name);
  const done = await runCommand(amend, folder, ['--yes', ...WHY, session, 'changed']);
  expect(done).toMatchObject({ code: 0 });
  expect(done.lines.at(-1)).toBe(`deleted file://${folder}/sessions/.sessions/${name}/journal`);
  const left = await filesIn(join(folder, 'sessions'));
  // A fence stays, as of every journal that was taken.
  expect(left.filter(file => !/\/journal\/\d{8}\.tar\.gz$/.test(file))).toEqual([
    `.sessions/${name}/archive-index.jsonl.gz`,
    `.sessions/${name}/claim.json`,
    `.sessions/${name}/session.json`,
    `${name}/logs.2.tar.gz`,
  ]);
  expect(left).not.toContain(`.sessions/${name}/journal/00000001.tar.gz`);
  await expectAmended(folder, session);
});

test.each(['lost', 'claimOnly', 'archiveGone', 'killed', 'archiveOnly', 'reportNewer'] as const)(
  'a session that ended so (%s) is refused, and nothing changes',
  async ending => {
    const { folder, session } = await placed(objectsOf(ending), nameOf(ending));
    const before = await filesIn(join(folder, 'sessions'));
    const at = ending === 'archiveOnly' ? session.replace('sessions/', 'sessions/turk/4711/') : session;
    const { code, stderr } = await runCommand(amend, folder, ['--yes', ...WHY, at, 'changed']);
    expect(code).toBe(ending === 'reportNewer' ? 64 : 66);
    expect(stderr.join()).toMatch(/a later version has written|has no archive here that a report names/);
    expect(await filesIn(join(folder, 'sessions'))).toEqual(before);
  },
);

test('what is missing on the command line, or in the folder, is told', async () => {
  const { folder, session } = await placed(objectsOf('saved'), nameOf('saved'));
  await mkdir(join(folder, 'empty'));
  for (const [args, code, text] of [
    [[session, 'changed'], 64, '--why is missing'],
    [[...WHY, session], 64, '<folder> is missing'],
    [[...WHY, session, 'empty'], 64, 'there is no file in'],
    [[...WHY, session, 'gone'], 66, 'there is no folder'],
    [[...WHY, 'sessions/none', 'changed'], 66, 'there is no session at sessions/none'],
  ] as const) {
    const end = await runCommand(amend, folder, args);
    expect(end.code).toBe(code);
    expect(end.stderr.join()).toContain(text);
  }
});

test('a session stays as it is whose new archive the store does not take', async () => {
  const folder = await openFolder();
  await writeChanged(folder);
  const objects = inBucket(objectsOf('saved'));
  const { s3, env } = await openS3({ objects, faults: [{ match: { operation: 'PutObject' }, do: 'deny' }] });
  const url = `s3://bucket/sessions/${nameOf('saved')}`;
  const { code, stderr } = await runCommand(amend, folder, ['--yes', ...WHY, url, 'changed'], { env });
  expect(code).toBe(20);
  expect(stderr.join()).toMatch(/Allow s3:PutObject/);
  expect(s3.objects().map(({ key }) => key)).toEqual(objects.map(({ key }) => key));
  await expect(runCommand(verify, folder, [url], { env })).resolves.toMatchObject({ code: 0 });
});

test('a new archive that reads back otherwise than it was stored is not put in force', async () => {
  const folder = await openFolder();
  await writeChanged(folder);
  const objects = inBucket(savedWithJournal('recovered'));
  let isReplaced = false;
  const { s3, env } = await openS3({
    objects,
    async gate({ operation, key }, moment) {
      if (isReplaced || moment !== 'come' || operation !== 'GetObject' || !key.endsWith('logs.2.tar.gz'))
        return true;
      isReplaced = true;
      await fetch(`${s3.url}/bucket/${key}`, { method: 'PUT', body: 'something else' });
      return true;
    },
  });
  const url = `s3://bucket/sessions/${nameOf('recovered')}`;
  const { code, stderr } = await runCommand(amend, folder, ['--yes', ...WHY, url, 'changed'], { env });
  expect(isReplaced).toBe(true);
  expect(code).toBe(20);
  expect(stderr[0]).toMatch(/logs\.2\.tar\.gz is not what was uploaded/);
  expect(s3.objects().map(({ key }) => key)).toEqual(expect.arrayContaining(objects.map(({ key }) => key)));
  const found = await runCommand(verify, folder, ['--json', url], { env });
  expect(found.lines.map(line => JSON.parse(line).kind).toSorted()).toEqual([
    'amendment-left',
    'journal-left',
  ]);
});

test('what cannot be packed as it is in the folder ends it, and the old archive is in force', async () => {
  const { folder, session } = await placed(objectsOf('saved'), nameOf('saved'));
  execFileSync('mkfifo', [join(folder, 'changed', 'pipe')]);
  const { code, stderr } = await runCommand(amend, folder, ['--yes', ...WHY, session, 'changed']);
  expect(code).toBe(20);
  expect(stderr[0]).toMatch(/^pipe was not packed as it is: /);
  const found = await runCommand(verify, folder, ['--json', session]);
  expect(found.lines.map(line => JSON.parse(line).kind)).toEqual(['amendment-left']);
});

test('of two that amend a session at the same moment one ends, and what the other one has stored is whole', async () => {
  const folder = await openFolder();
  await writeChanged(folder);
  let looks = 0;
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
  const { s3, env } = await openS3({
    objects: inBucket(objectsOf('saved')),
    gate({ operation, key }, moment) {
      if (moment !== 'come' || operation !== 'GetObject' || !key.endsWith('/amendment.json')) return true;
      looks += 1;
      // The first time is before it begins, the second before anything is deleted.
      if (looks !== 2) return true;
      reached.resolve();
      return held.promise;
    },
  });
  const url = `s3://bucket/sessions/${nameOf('saved')}`;
  const first = runCommand(amend, folder, ['--yes', ...WHY, url, 'changed'], { env });
  await reached.promise;
  const second = await runCommand(amend, folder, ['--yes', '--why', 'the second', url, 'changed'], { env });
  expect(second.code).toBe(0);
  held.resolve(true);
  const { code, stderr } = await first;
  expect(code).toBe(20);
  expect(stderr[0]).toMatch(/^it is being amended by .* as well$/);
  await expectAmended(folder, url, env);
  expect(s3.objects().filter(({ key }) => key.includes('logs.'))).toHaveLength(1);
});
