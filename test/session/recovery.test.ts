import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { JournalAbout } from '../../src/journal/format/schema.ts';
import { openTestStore } from '../store/s3/support.ts';
import { eventually } from '../support/eventually.ts';
import { about } from '../support/journal.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type FaultRule, type S3Server, startS3Server } from '../support/s3-server.ts';
import { putSegments } from '../support/segments.ts';
import { program } from '../support/session.ts';
import { test as sessionTest } from '../support/session-test.ts';

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

/** Puts the journals of sessions that were killed, each with what it says of its session. */
async function putJournals(
  s3: S3Server,
  journals: Readonly<Record<string, Partial<JournalAbout>>>,
): Promise<void> {
  const store = await openTestStore(s3.url, { prefix: 'sessions' });
  for (const [prefix, says] of Object.entries(journals)) {
    const changes = { run: randomUUID(), about: { ...about, ...says } };
    await putSegments(store, [changes, changes], prefix);
  }
  store.close();
}

test('a journal that cannot be read stops no other: it is told, and so is by the exit code', async ({
  fixture,
  s3,
}) => {
  await putJournals(s3, { '.sessions/a/journal': {}, '.sessions/b/journal': {}, '.sessions/c/journal': {} });
  // The status of the second one: Ceph's bucket owner may list what other users write, and not read it.
  s3.setFaults([{ match: { operation: 'GetObject', nth: 2 }, do: 'deny' }]);
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

test('two journals of one name of an earlier version become two archives', async ({ fixture, s3 }) => {
  await putJournals(s3, { 'f/journal': {}, 'f/journal.2': {} });
  const recovery = fixture.start(s3Environment(s3), 'recover', '--all', '--force', 's3://bucket/sessions');
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  expect(keysOf(s3)).toEqual(
    ['f', 'f.2']
      .flatMap(name => [
        `sessions/.sessions/${name}/claim.json`,
        `sessions/.sessions/${name}/session.json`,
        `sessions/${name}/logs.tar.gz`,
      ])
      .sort(),
  );
});
