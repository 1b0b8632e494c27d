/**
 * @module-tag slow
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { amend } from '../../src/cli/amend.ts';
import { cat } from '../../src/cli/cat.ts';
import { get } from '../../src/cli/get.ts';
import { ls } from '../../src/cli/ls.ts';
import { show } from '../../src/cli/show.ts';
import { verify } from '../../src/cli/verify.ts';
import { openFolder, openS3, runCommand } from '../catalogue/support.ts';
import { eventually } from '../support/eventually.ts';
import { placeIn, playBeforeAll, YESTERDAY } from '../support/placed-sessions.ts';
import type { S3Server } from '../support/s3-server.ts';
import { openSessionFixture } from '../support/session.ts';
import type { EndingName, SessionObjects } from '../support/sessions-of-every-ending.ts';

const { objectsOf, nameOf } = playBeforeAll();

const WHY = ['--why', 'consent withdrawn'];

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

/** One that a recovery has saved, and whose journal it has kept. */
function recoveredWithJournal(): SessionObjects {
  const name = nameOf('recovered');
  const journals = objectsOf('killed').filter(({ key }) => key.includes('/journal/'));
  const run = /"run":"([^"]+)"/.exec(journals.map(({ body }) => body.toString()).join(''))?.[1];
  return [
    ...journals.map(object => ({ ...object, key: object.key.replace(nameOf('killed'), name) })),
    ...objectsOf('recovered').flatMap(object => {
      if (object.key.includes('/journal/')) return [];
      if (!object.key.endsWith('session.json')) return [object];
      return [{ ...object, body: Buffer.from(JSON.stringify({ ...JSON.parse(`${object.body}`), run })) }];
    }),
  ];
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

async function writeChanged(folder: string): Promise<void> {
  await mkdir(join(folder, 'changed'));
  await writeFile(join(folder, 'changed', 'agent.log'), '<player> hello\n');
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .toSorted();
}

async function reportIn({ folder, session }: Placed) {
  const own = session.replace('sessions/', 'sessions/.sessions/');
  return JSON.parse(await readFile(join(folder, own, 'session.json'), 'utf8'));
}

/** Verified, listed as saved, and all that is in it is what was to be in it. */
async function expectAmended(folder: string, url: string, env = {}): Promise<void> {
  const verified = await runCommand(verify, folder, [url], { env });
  expect(verified).toMatchObject({ code: 0, lines: [] });
  await rm(join(folder, 'got'), { recursive: true, force: true });
  expect(await runCommand(get, folder, [url, 'got'], { env })).toMatchObject({ code: 0, stderr: [] });
  expect(await filesIn(join(folder, 'got'))).toEqual(['agent.log']);
  const listed = await runCommand(cat, folder, [url], { env });
  expect(listed).toMatchObject({ code: 0, stderr: [] });
  expect(listed.lines.filter(line => line.startsWith('-'))).toEqual([expect.stringMatching(/ agent\.log$/)]);
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
  const { folder, session } = await placed(recoveredWithJournal(), name);
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
  const objects = objectsOf('saved').map(object => ({ ...object, key: `sessions/${object.key}` }));
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
  const objects = recoveredWithJournal().map(object => ({
    ...object,
    key: `sessions/${object.key}`,
    modifiedMs: YESTERDAY.getTime(),
  }));
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

/** As they are the day after: a fence is nobody's any more then. */
function agedObjectsOf({ url, objects }: Pick<S3Server, 'url' | 'objects'>) {
  return Promise.all(
    objects().map(async ({ key }) => ({
      key,
      body: Buffer.from(await (await fetch(`${url}/bucket/${encodeURI(key)}`)).arrayBuffer()),
      modifiedMs: YESTERDAY.getTime(),
    })),
  );
}

test('what somebody was uploading who was killed is deleted when it is run again', async () => {
  const folder = await openFolder();
  await writeChanged(folder);
  await writeFile(join(folder, 'changed', 'world.bin'), randomBytes(24 << 20));
  const objects = objectsOf('saved').map(object => ({ ...object, key: `sessions/${object.key}` }));
  let isHeld = false;
  const { promise: held, resolve: release } = Promise.withResolvers<boolean>();
  const { s3, env } = await openS3({
    objects,
    gate({ operation }) {
      if (isHeld || operation !== 'UploadPart') return true;
      isHeld = true;
      return held;
    },
  });
  const fixture = await openSessionFixture();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  const url = `s3://bucket/sessions/${nameOf('saved')}`;
  const args = ['amend', '--yes', ...WHY, url, join(folder, 'changed')];
  const running = fixture.start(env, ...args);
  await eventually(() => isHeld, { timeoutMs: 20_000 });
  running.signal('SIGKILL');
  await running.ended();
  release(false);
  expect(s3.uploads()).toHaveLength(1);
  const again = fixture.start(env, ...args);
  expect(await again.ended(), again.stderr()).toMatchObject({ code: 0 });
  expect(s3.uploads()).toEqual([]);
  expect(await runCommand(verify, folder, [url], { env })).toMatchObject({ code: 0, lines: [] });
});

type Asked = { readonly operation: string; readonly key: string };

/** Where it is killed: at the first request of which this is true. */
const MOMENTS: Readonly<Record<string, () => (request: Asked) => boolean>> = {
  'while its archive is stored':
    () =>
    ({ operation, key }) =>
      operation === 'PutObject' && key.endsWith('logs.2.tar.gz'),
  'while its journal is deleted': () => {
    let isMarked = false;
    return ({ operation, key }) => {
      isMarked ||= operation === 'PutObject' && key.endsWith('journal/status.json');
      return isMarked && operation === 'DeleteObjects';
    };
  },
  'before its report is put':
    () =>
    ({ operation, key }) =>
      operation === 'PutObject' && key.endsWith('session.json'),
  'before the old archive is deleted': () => {
    let isPut = false;
    return ({ operation, key }) => {
      isPut ||= operation === 'PutObject' && key.endsWith('session.json');
      return isPut && operation === 'DeleteObjects';
    };
  },
};

test.each(Object.keys(MOMENTS))(
  'killed %s, report and archive fit, verify names what to do, and it is run again',
  async when => {
    const name = nameOf('recovered');
    const folder = await openFolder();
    await writeChanged(folder);
    const objects = recoveredWithJournal().map(object => ({
      ...object,
      key: `sessions/${object.key}`,
      modifiedMs: YESTERDAY.getTime(),
    }));
    const isMeant = MOMENTS[when]?.() ?? (() => false);
    let isHeld = false;
    const { promise: held, resolve: release } = Promise.withResolvers<boolean>();
    const { s3, env } = await openS3({
      objects,
      gate(request, moment) {
        if (isHeld || moment !== 'come' || !isMeant(request)) return true;
        isHeld = true;
        return held;
      },
    });
    const fixture = await openSessionFixture();
    onTestFinished(() => fixture[Symbol.asyncDispose]());
    const url = `s3://bucket/sessions/${name}`;
    const args = ['--yes', ...WHY, url, join(folder, 'changed')];
    const running = fixture.start(env, 'amend', ...args);
    await eventually(() => isHeld, { timeoutMs: 20_000 });
    running.signal('SIGKILL');
    await running.ended();
    release(false);

    const found = await runCommand(verify, folder, ['--json', url], { env });
    const findings = found.lines.map(line => JSON.parse(line));
    expect(findings[0]).toMatchObject({
      kind: 'amendment-left',
      remedy: expect.stringMatching(/^run it again/),
    });
    // Of the archive there is nothing to find: it is the one that the report tells of.
    for (const { kind } of findings.slice(1)) expect(kind).toMatch(/^journal-(left|damaged)$/);
    expect(found.code).toBe(22);
    const listed = await runCommand(ls, folder, ['--json', 's3://bucket/sessions'], { env });
    expect(listed.lines.map(line => JSON.parse(line))).toMatchObject([{ session: name, state: 'saved' }]);
    const shown = await runCommand(show, folder, [url], { env });
    expect(shown.lines.join('\n')).toContain(`What to do\n  craftassist-session amend --yes ${url}`);

    const later = await openS3({ objects: await agedObjectsOf(s3) });
    const again = fixture.start(later.env, 'amend', ...args);
    expect(await again.ended(), again.stderr()).toMatchObject({ code: 0 });
    await expectAmended(folder, url, later.env);
    const keys = later.s3.objects().map(({ key }) => key);
    expect(keys.filter(key => key.startsWith(`sessions/${name}/`))).toHaveLength(1);
    const own = keys.filter(key => key.includes('/.sessions/') && !/\/journal\/\d{8}\.tar\.gz$/.test(key));
    expect(own.toSorted()).toEqual(
      ['archive-index.jsonl.gz', 'claim.json', 'session.json'].map(
        file => `sessions/.sessions/${name}/${file}`,
      ),
    );
    expect(keys).not.toContain(`sessions/.sessions/${name}/journal/00000001.tar.gz`);
  },
);
