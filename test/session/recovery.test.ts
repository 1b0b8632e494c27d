import { createHash, randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { readText } from '../../src/store/read.ts';
import { killSession } from '../crash-points/scenarios.ts';
import { openWorld } from '../crash-points/world.ts';
import { openTestStore } from '../store/s3/support.ts';
import { eventually } from '../support/eventually.ts';
import { patient } from '../support/journal.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type FaultRule, type S3Server, startS3Server } from '../support/s3-server.ts';
import { program, type SessionFixture } from '../support/session.ts';
import { test as sessionTest } from '../support/session-test.ts';
import { putJournals } from '../support/stored-journals.ts';

const test = sessionTest.extend('s3', async ({ onTestFinished }) => {
  const s3 = await startS3Server();
  onTestFinished(() => s3.close());
  return s3;
});

const keysOf = (s3: S3Server) =>
  s3
    .objects()
    .map(({ key }) => key)
    .sort();

test('a journal that cannot be read stops no other: it is told, and so is by the exit code', {
  tags: ['slow'],
}, async ({ fixture, s3 }) => {
  const journals = { '.sessions/a/journal': {}, '.sessions/b/journal': {}, '.sessions/c/journal': {} };
  await putJournals(s3, journals, 'finished');
  // The status of the second one: Ceph's bucket owner may list what other users write, and not read it.
  s3.setFaults([{ match: { operation: 'GetObject', nth: 3 }, do: 'deny' }]);
  const env = s3Environment(s3);
  const recovery = fixture.start(env, 'recover', '--all', '--force', 's3://bucket/sessions');
  expect((await recovery.ended()).code, recovery.stderr()).toBe(20);
  expect(recovery.stderr()).toMatch(
    /sessions\/b: the journal was kept: .*could not read .*Allow s3:GetObject/,
  );
  const archives = keysOf(s3).filter(key => key.endsWith('logs.tar.gz'));
  expect(archives).toEqual(['sessions/a/logs.tar.gz', 'sessions/c/logs.tar.gz']);
});

const LEFT_OPEN: readonly FaultRule[] = [{ match: { operation: 'UploadPart' }, do: 'stall' }];

test('a session killed in its upload leaves one open, which its recovery aborts', { tags: ['slow'] }, async ({
  fixture,
  s3,
}) => {
  const env = s3Environment(s3);
  for (const rights of ['granted', 'denied']) {
    const TIMESTAMP = rights;
    s3.setFaults(LEFT_OPEN);
    const parts = s3.counts.UploadPart ?? 0;
    fixture.start({
      ...env,
      TIMESTAMP,
      SESSION_JOURNAL_INTERVAL: '100ms',
      SESSION_AGENT_COMMAND: program('agent-writes-noise', 12),
    });
    await eventually(() => (s3.counts.UploadPart ?? 0) > parts);
    await fixture.killAll();
    expect(s3.uploads().map(({ key }) => key)).toEqual([`sessions/${TIMESTAMP}/logs.tar.gz`]);
    const isDenied = rights === 'denied';
    s3.setFaults(isDenied ? [{ match: { operation: 'ListMultipartUploads' }, do: 'deny' }] : []);
    const recovery = fixture.start(env, 'recover', '--force', `s3://bucket/sessions/${TIMESTAMP}`);
    expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
    expect(recovery.stdout()).toContain(isDenied ? 'uploads_not_aborted' : 'uploads_aborted');
    expect(s3.uploads().length).toBe(isDenied ? 1 : 0);
  }
});

test('a session is found by its name, by the folder of its archive, and at the places of earlier versions', {
  tags: ['slow'],
}, async ({ fixture, s3 }) => {
  const own = { key: '[{experiment}/interaction/]{timestamp}', experiment: 'X1' };
  const env = s3Environment(s3);
  const cases = [
    ['.sessions/a/journal', 's3://bucket/sessions/a', 'X1/interaction/a', own],
    ['.sessions/b/journal', 's3://bucket/sessions/X1/interaction/b', 'X1/interaction/b', own],
    ['.sessions/c/journal', 's3://bucket/sessions/.sessions/c', 'X1/interaction/c', own],
    ['.sessions/d.2/journal', 's3://bucket/sessions/d', 'X1/interaction/d.2', own],
    ['.sessions/e.5f0c6a52/journal', 's3://bucket/sessions/e', 'X1/interaction/e.5f0c6a52', own],
    ['f/journal', 's3://bucket/sessions/f', 'f', {}],
    ['turk/X2/g/journal', 's3://bucket/sessions/turk/X2/g', 'turk/X2/g', {}],
    ['h/journal.2', 's3://bucket/sessions/h', 'h', {}],
  ] as const;
  await putJournals(s3, Object.fromEntries(cases.map(([prefix, , , says]) => [prefix, says])));
  for (const [prefix, url, folder] of cases) {
    const recovery = fixture.start(env, 'recover', '--force', url);
    expect((await recovery.ended()).code, `${url}: ${recovery.stderr()}`).toBe(0);
    expect(keysOf(s3)).toContain(`sessions/${folder}/logs.tar.gz`);
    const name = folder.split('/').at(-1);
    expect(keysOf(s3)).toContain(`sessions/.sessions/${name}/session.json`);
    expect(keysOf(s3).filter(key => key.startsWith(`sessions/${prefix}/`))).toEqual([]);
  }
});

/** Starts a recovery, and kills it when its n-th write reaches the store. @returns false: it has fewer */
async function recoverUntilPut({ fixture, s3 }: Killable, url: string, n: number): Promise<boolean> {
  s3.setFaults([{ match: { operation: 'PutObject', nth: n }, do: 'stall' }]);
  const before = s3.counts.PutObject ?? 0;
  const recovery = fixture.start(s3Environment(s3), 'recover', '--force', url);
  const reached = eventually(() => (s3.counts.PutObject ?? 0) === before + n).then(() => true);
  const isReached = await Promise.race([reached, recovery.ended().then(() => false)]);
  await fixture.killAll();
  s3.setFaults([]);
  return isReached;
}

interface Killable {
  readonly fixture: SessionFixture;
  readonly s3: S3Server;
}

test('a recovery that is killed at any of its writes is run again, and there is one archive, and one report', {
  tags: ['slow'],
}, async ({ fixture, s3, onTestFinished }) => {
  const labels = { group: 'b' };
  const store = await openTestStore(s3.url, { prefix: 'sessions' });
  onTestFinished(() => store.close());
  for (let n = 1; ; n += 1) {
    const name = `a${n}`;
    const url = `s3://bucket/sessions/${name}`;
    await putJournals(s3, { [`.sessions/${name}/journal`]: { labels } });
    const isKilled = await recoverUntilPut({ fixture, s3 }, url, n);
    if (isKilled) {
      const again = fixture.start(s3Environment(s3), 'recover', '--force', url);
      expect((await again.ended()).code, again.stderr()).toBe(0);
    }
    expect(keysOf(s3).filter(key => key.includes(name))).toEqual([
      `sessions/.sessions/${name}/archive-index.jsonl.gz`,
      `sessions/.sessions/${name}/session.json`,
      `sessions/${name}/logs.tar.gz`,
    ]);
    const report = await readText(store, `.sessions/${name}/session.json`, {
      maxBytes: 9_999,
      signal: patient,
    });
    expect(JSON.parse(report ?? '')).toMatchObject({ recovered: true, labels });
    if (isKilled) continue;
    // The plan, the archive, its digest, the report.
    expect(n).toBeGreaterThan(4);
    return;
  }
});

test('a deletion that fails midway is told as that, and is ended by the next recovery', {
  tags: ['slow'],
}, async ({ fixture, s3 }) => {
  const env = s3Environment(s3);
  // The clock's object goes first; then the segments, what tells of them, and the fences.
  for (const nth of [2, 3, 4]) {
    const name = `a${nth}`;
    await putJournals(s3, { [`.sessions/${name}/journal`]: {} });
    s3.setFaults([{ match: { operation: 'DeleteObjects', nth }, do: 'deny' }]);
    const url = `s3://bucket/sessions/${name}`;
    const recovery = fixture.start(env, 'recover', '--force', url);
    expect((await recovery.ended()).code, recovery.stderr()).toBe(20);
    expect(recovery.stderr()).toContain(
      `${name}: is saved at ${url}/logs.tar.gz, and its journal is deleted in part at most: run recover again`,
    );
    expect(recovery.stderr()).toMatch(/Allow s3:DeleteObject/);
    expect(recovery.stderr()).not.toContain('was kept');
    s3.setFaults([]);
    const again = fixture.start(env, 'recover', '--force', url);
    // Fences alone are no journal.
    expect((await again.ended()).code, again.stderr()).toBe(nth === 4 ? 64 : 0);
    expect(keysOf(s3).filter(key => key.includes(name) && !key.endsWith('.tar.gz'))).toEqual([
      `sessions/.sessions/${name}/archive-index.jsonl.gz`,
      `sessions/.sessions/${name}/session.json`,
    ]);
    expect(keysOf(s3).filter(key => key.includes(`${name}/logs`))).toEqual([`sessions/${name}/logs.tar.gz`]);
  }
});

test.for([
  ['a session', 'session'],
  ['its recovery', 'recovery'],
] as const)(
  '%s that is killed before it removes the part of its archive leaves one, which is removed',
  {
    tags: ['slow'],
  },
  async ([, by]) => {
    await using world = await openWorld('folder', undefined, {
      by,
      at: 'before unlink test/logs.tar.gz.part',
    });
    if (by === 'session') await world.startSession(by).ended();
    else {
      await killSession(world);
      await world.startRecovery(by).ended();
    }
    await world.end();
    expect([...(await world.place.objects()).keys()]).toContain('test/logs.tar.gz.part');
    expect((await world.startRecovery('next').ended()).code, world.log('next')).toBe(0);
    expect([...(await world.place.objects()).keys()].filter(key => key.endsWith('.part'))).toEqual([]);
  },
);

test('an archive that another program puts at the key meanwhile is not taken for that of a recovery', {
  tags: ['slow'],
}, async ({ fixture, s3 }) => {
  await putJournals(s3, { '.sessions/a/journal': {} });
  const url = 's3://bucket/sessions/a';
  expect(await recoverUntilPut({ fixture, s3 }, url, 2)).toBe(true);
  const foreign = `${s3.url}/bucket/sessions/a/logs.tar.gz`;
  await fetch(foreign, { method: 'PUT', body: 'foreign' });
  const recovery = fixture.start(s3Environment(s3), 'recover', '--force', url);
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  expect(await (await fetch(foreign)).text()).toBe('foreign');
  // The journal has no claim beside it: such a session's next name is its own.
  const own = expect.stringMatching(/^sessions\/a\.[0-9a-f]{8}\/logs\.tar\.gz$/);
  expect(keysOf(s3).filter(key => key.endsWith('.tar.gz'))).toEqual([own, 'sessions/a/logs.tar.gz']);
});

test('an archive of the size that a session has reported is not taken for that of the session', {
  tags: ['slow'],
}, async ({ fixture, s3 }) => {
  await putJournals(s3, { '.sessions/a/journal': {} });
  const put = (key: string, body: string) =>
    fetch(`${s3.url}/bucket/sessions/${key}`, { method: 'PUT', body });
  await put('a/logs.tar.gz', 'foreign');
  const sha256 = createHash('sha256').update('its own').digest('hex');
  const archive = { key: 'a/logs.tar.gz', bytes: 7, sha256 };
  const report = { format: 1, saved: 'archive', archive, journal: { prefix: '.sessions/a/journal' } };
  await put('.sessions/a/session.json', JSON.stringify(report));
  const recovery = fixture.start(s3Environment(s3), 'recover', '--force', 's3://bucket/sessions/a');
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  expect(recovery.stdout()).toContain('recovered to');
  const archives = keysOf(s3).filter(key => key.endsWith('.tar.gz'));
  expect(archives).toEqual([expect.stringMatching(/^sessions\/a\.\w+\/logs/), 'sessions/a/logs.tar.gz']);

  // And that of the session is.
  await putJournals(s3, { '.sessions/a/journal': {} });
  await put('a/logs.tar.gz', 'its own');
  await put('.sessions/a/session.json', JSON.stringify(report));
  const again = fixture.start(s3Environment(s3), 'recover', '--force', 's3://bucket/sessions/a');
  expect((await again.ended()).code, again.stderr()).toBe(0);
  expect(again.stdout()).toContain('was saved already');
});

test('a report of another run of the name is neither believed nor overwritten', { tags: ['slow'] }, async ({
  fixture,
  s3,
}) => {
  // Its claim was deleted, so that another run has had the name.
  await putJournals(s3, { '.sessions/a/journal': {} }, 'finished');
  const at = (key: string) => `${s3.url}/bucket/sessions/${key}`;
  await fetch(at('a/logs.tar.gz'), { method: 'PUT', body: 'of the other' });
  const sha256 = createHash('sha256').update('of the other').digest('hex');
  const archive = { key: 'a/logs.tar.gz', bytes: 12, sha256 };
  const journal = { prefix: '.sessions/a/journal' };
  const report = JSON.stringify({ format: 1, run: randomUUID(), saved: 'archive', archive, journal });
  await fetch(at('.sessions/a/session.json'), { method: 'PUT', body: report });
  const recovery = fixture.start(s3Environment(s3), 'recover', 's3://bucket/sessions/a');
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  expect(recovery.stdout()).toContain('recovered to');
  expect(await (await fetch(at('.sessions/a/session.json'))).text()).toBe(report);
  expect(await (await fetch(at('a/logs.tar.gz'))).text()).toBe('of the other');
  const own = JSON.parse(await (await fetch(at('.sessions/a/session.2.json'))).text());
  expect(own).toMatchObject({ recovered: true, archive: { key: expect.stringMatching(/^a\.\w+\/logs/) } });
  expect(keysOf(s3)).toContain(`sessions/${own.archive.key}`);
  expect(keysOf(s3).filter(key => key.includes('/journal/'))).toEqual([]);
});

test('two journals of one name of an earlier version become two archives', { tags: ['slow'] }, async ({
  fixture,
  s3,
}) => {
  await putJournals(s3, { 'f/journal': {}, 'f/journal.2': {} });
  const recovery = fixture.start(s3Environment(s3), 'recover', '--all', '--force', 's3://bucket/sessions');
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  expect(keysOf(s3)).toEqual(
    ['f', 'f.2']
      .flatMap(name => [
        `sessions/.sessions/${name}/archive-index.jsonl.gz`,
        `sessions/.sessions/${name}/claim.json`,
        `sessions/.sessions/${name}/session.json`,
        `sessions/${name}/logs.tar.gz`,
      ])
      .sort(),
  );
});

test('that a session is saved already is told once, though it has two journals', async ({ fixture, s3 }) => {
  await putJournals(s3, { 'f/journal': {}, 'f/journal.2': {} }, 'saved');
  const recovery = fixture.start(s3Environment(s3), 'recover', '--all', 's3://bucket/sessions');
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  expect(recovery.stdout().match(/was saved already/g)).toEqual(['was saved already']);
  expect(keysOf(s3)).toEqual([]);
});

test('the journals of other sessions whose names begin alike are not read', { tags: ['slow'] }, async ({
  fixture,
  s3,
}) => {
  await putJournals(s3, { '.sessions/a/journal': {}, '.sessions/ab/journal': {} }, 'finished');
  const recovery = fixture.start(s3Environment(s3), 'recover', '--dry-run', 's3://bucket/sessions/a');
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  expect(recovery.stdout()).toMatch(/sessions\/a: would recover/);
  expect(
    s3.requests.filter(({ operation, key }) => operation === 'GetObject' && key.includes('/ab/')),
  ).toEqual([]);
});
