/** @module-tag slow */

import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, vi } from 'vitest';
import type { RunCommand } from '../../src/cli/command.ts';
import { doctor } from '../../src/cli/doctor.ts';
import { recover } from '../../src/cli/recover.ts';
import { run } from '../../src/cli/run.ts';
import type { Report } from '../../src/report/schema.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import { openSavedSessions } from '../../src/servermgr/saved-sessions.ts';
import { nameOf, newId } from '../../src/servermgr/session-id.ts';
import { openStore } from '../../src/store/open.ts';
import { DeniedError } from '../../src/store/store.ts';
import { PLAIN } from '../store/s3/support.ts';
import { eventually } from '../support/eventually.ts';
import { patient } from '../support/journal.ts';
import { NO_OUTPUT } from '../support/no-output.ts';
import { policyOf, without } from '../support/policies.ts';
import { isAllowed, type Policy } from '../support/s3/policy.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { program, type SessionFixture } from '../support/session.ts';
import { test as sessionTest } from '../support/session-test.ts';
import { keysWithoutFences } from '../support/stored-journals.ts';

/*
 * The policies of deploy/, evaluated by the tests' S3 as IAM does: every right that is there is needed, and none is
 * missing. What is not S3 in them is in test/servermgr/deploy.test.ts.
 */

const SESSION = policyOf('iam/session.json');
const RECOVERY = policyOf('iam/recovery.json');
const SERVERMGR = policyOf('servermgr-policy.json');

const DESTINATION = 's3://bucket/sessions';
const JOURNAL = { SESSION_JOURNAL_INTERVAL: '50ms', SESSION_AGENT_COMMAND: program('agent-counts') };

const test = sessionTest.extend(
  'startS3',
  ({ onTestFinished: after }) =>
    async (policies: Readonly<Record<string, Policy>> = {}) => {
      const s3 = await startS3Server({ policies: { SESSION, RECOVERY, SERVERMGR, ...policies } });
      after(() => s3.close());
      return s3;
    },
);

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs a command in the test's process, with an access key that has a policy. */
async function as(
  accessKey: string,
  s3: S3Server,
  { environment, workdir }: SessionFixture,
  command: RunCommand,
  args: readonly string[] = [],
  more: Record<string, string> = {},
): Promise<Ended> {
  const env = {
    ...environment,
    SESSION_LOG_LEVEL: 'silent',
    ...s3Environment({ url: s3.url, accessKey }),
    ...more,
  };
  for (const [name, value] of Object.entries(env)) if (name.startsWith('AWS_')) vi.stubEnv(name, value);
  const lines: string[] = [];
  const code = await command({
    env,
    cwd: join(workdir, '..'),
    args,
    terminal: false,
    signals: createSignals(),
    ...NO_OUTPUT,
    print: line => lines.push(line),
    write: () => Promise.resolve(),
    printError: line => lines.push(line),
  });
  return { code, output: lines.join('\n') };
}

const keysIn = (s3: S3Server) =>
  s3
    .objects()
    .map(({ key }) => key)
    .sort();
const short = (key: string) => key.slice('sessions/'.length);
const keysOf = (s3: S3Server) => keysIn(s3).map(short);

/** Also one that a session has begun when its first was taken. */
const isOfJournal = (key: string) => /\/journal[^/]*\//.test(key);

const journalsOf = (s3: S3Server) => keysOf(s3).filter(key => key.includes('/journal/'));

/** The report as it lies at the store, read with all rights. */
async function reportOf(s3: S3Server, name = 'test'): Promise<Report> {
  return (await fetch(`${s3.url}/bucket/sessions/.sessions/${name}/session.json`)).json() as Promise<Report>;
}

test('a statement that denies outweighs all others, and a condition needs its key', () => {
  const some = { Action: 's3:Get*', Resource: 'arn:aws:s3:::bucket/a/*' } as const;
  const ofA = { action: 's3:GetObject', resource: 'arn:aws:s3:::bucket/a/b/c', context: {} };
  const allow = { Effect: 'Allow', ...some } as const;
  const Condition = { StringLike: { 's3:prefix': 'a*' } };
  expect(isAllowed({ Statement: [allow] }, ofA)).toBe(true);
  expect(isAllowed({ Statement: [allow] }, { ...ofA, resource: 'arn:aws:s3:::bucket/ab' })).toBe(false);
  expect(isAllowed({ Statement: [allow] }, { ...ofA, action: 's3:PutObject' })).toBe(false);
  expect(isAllowed({ Statement: [allow, { ...allow, Effect: 'Deny' }] }, ofA)).toBe(false);
  expect(isAllowed({ Statement: [{ ...allow, Condition }] }, ofA)).toBe(false);
  expect(
    isAllowed({ Statement: [{ ...allow, Condition }] }, { ...ofA, context: { 's3:prefix': 'ab' } }),
  ).toBe(true);
});

describe('the role of a session', () => {
  const playAndSave = async (s3: S3Server, fixture: SessionFixture) => {
    // It ends by itself as soon as the journal holds something.
    return as('SESSION', s3, fixture, run, [], { SESSION_JOURNAL_INTERVAL: '50ms' });
  };

  for (const [what, policy] of [
    ['as it is', SESSION],
    ['without the right to read its journal', without(SESSION, 'ReadItsClaimAndJournal')],
  ] as const)
    test(`${what} saves it and clears its journal; no recovery does it again`, async ({
      fixture,
      startS3,
    }) => {
      const s3 = await startS3({ SESSION: policy });
      const session = await playAndSave(s3, fixture);
      expect(session.code, session.output).toBe(0);
      const { archive, journal } = await reportOf(s3);
      expect(journal?.segments).toBeGreaterThan(0);
      expect(archive).toMatchObject({ key: 'test/logs.tar.gz', verified: true });
      const saved = [
        '.sessions/test/archive-index.jsonl.gz',
        '.sessions/test/claim.json',
        '.sessions/test/session.json',
        'test/logs.tar.gz',
      ];
      expect(keysOf(s3)).toEqual(saved);
      const recovery = await as('RECOVERY', s3, fixture, recover, ['--all', DESTINATION]);
      expect(recovery).toMatchObject({ code: 0, output: expect.stringContaining('nothing to recover') });
      expect(keysOf(s3)).toEqual(saved);
    });

  test('is told to be enough by the doctor', async ({ fixture, startS3 }) => {
    const s3 = await startS3();
    const { code, output } = await as('SESSION', s3, fixture, doctor);
    expect(code, output).toBe(0);
    expect(output).not.toMatch(/^(note|fault)/m);
    expect(output).toContain(`ok    destination ${DESTINATION}: what was written can be deleted again`);
    expect(s3.objects()).toEqual([]);
    expect(s3.uploads()).toEqual([]);
  });

  test('without s3:PutObject lets no session start', async ({ fixture, startS3 }) => {
    const s3 = await startS3({ SESSION: without(SESSION, 'SaveSessions', 's3:PutObject') });
    const { code, output } = await playAndSave(s3, fixture);
    expect(code).toBe(64);
    expect(output).toContain('Allow s3:PutObject on');
  });

  test('without s3:AbortMultipartUpload leaves uploads that fail, of which the doctor tells', async ({
    fixture,
    startS3,
  }) => {
    const s3 = await startS3({ SESSION: without(SESSION, 'SaveSessions', 's3:AbortMultipartUpload') });
    const { code, output } = await as('SESSION', s3, fixture, doctor);
    expect(code, output).toBe(0);
    expect(output).toMatch(/^note {2}destination .*Allow s3:AbortMultipartUpload on/m);
    expect(s3.uploads()).not.toEqual([]);
  });

  test('without s3:DeleteObject leaves the journal, which a recovery clears, and makes no second archive', async ({
    fixture,
    startS3,
  }) => {
    const s3 = await startS3({ SESSION: without(SESSION, 'ClearJournalsAway') });
    const session = await playAndSave(s3, fixture);
    expect(session.code, session.output).toBe(0);
    expect(journalsOf(s3)).not.toEqual([]);
    const recovery = await as('RECOVERY', s3, fixture, recover, ['--all', '--force', DESTINATION]);
    expect(recovery).toMatchObject({ code: 0, output: expect.stringContaining('was saved already') });
    expect(keysOf(s3)).toEqual([
      '.sessions/test/archive-index.jsonl.gz',
      '.sessions/test/claim.json',
      '.sessions/test/session.json',
      'test/logs.tar.gz',
    ]);
  });
});

test('the roles let a session whose journal was taken go on with another one, save, and clear it', {
  tags: ['slow'],
}, async ({ fixture, startS3 }) => {
  const s3 = await startS3();
  const segments = (journal: string) =>
    keysOf(s3).filter(key => key.startsWith(`.sessions/test/${journal}/`) && key.endsWith('.gz')).length;
  const session = fixture.start({ ...s3Environment({ url: s3.url, accessKey: 'SESSION' }), ...JOURNAL });
  await eventually(() => segments('journal') > 2);
  session.signal('SIGSTOP');
  const recovery = await as('RECOVERY', s3, fixture, recover, ['--force', `${DESTINATION}/test`]);
  expect(recovery.code, recovery.output).toBe(0);
  session.signal('SIGCONT');
  await eventually(() => segments('journal.2') > 2);
  session.signal('SIGTERM');
  expect((await session.ended()).code, session.stdout()).toBe(0);
  expect(await keysWithoutFences(s3, keysIn(s3).filter(isOfJournal))).toEqual([]);
  expect(keysOf(s3)).toEqual(expect.arrayContaining(['test/logs.tar.gz', 'test.2/logs.tar.gz']));
});

/** Kills a session of the session's role. @returns when its journal has something */
async function killSession(s3: S3Server, fixture: SessionFixture): Promise<void> {
  fixture.start({ ...s3Environment({ url: s3.url, accessKey: 'SESSION' }), ...JOURNAL });
  await eventually(() => journalsOf(s3).filter(key => key.endsWith('.gz')).length >= 2);
  await fixture.killAll();
}

describe('the role of recoveries', { tags: ['slow'] }, () => {
  const recoverNow = (s3: S3Server, fixture: SessionFixture, role = 'RECOVERY') =>
    as(role, s3, fixture, recover, ['--all', '--force', DESTINATION]);

  test('recovers a session that was killed, once', async ({ fixture, startS3 }) => {
    const s3 = await startS3();
    await killSession(s3, fixture);
    const first = await recoverNow(s3, fixture);
    expect(first.code, first.output).toBe(0);
    expect(first.output).toContain(`recovered to ${DESTINATION}/test/logs.tar.gz`);
    const saved = [
      '.sessions/test/archive-index.jsonl.gz',
      '.sessions/test/claim.json',
      '.sessions/test/session.json',
      'test/logs.tar.gz',
    ];
    const left = async () => (await keysWithoutFences(s3, keysIn(s3))).map(short);
    expect(await left()).toEqual(saved);
    expect(await reportOf(s3)).toMatchObject({ saved: 'archive', recovered: true, problems: [] });
    const second = await recoverNow(s3, fixture);
    expect(second).toMatchObject({ code: 0, output: expect.stringContaining('nothing to recover') });
    expect(await left()).toEqual(saved);
  });

  for (const [sid, action, text] of [
    ['FindJournals', 's3:ListBucket', 'Allow s3:ListBucket on'],
    ['MakeArchivesOfThem', 's3:GetObject', 'Allow s3:GetObject on'],
    ['MakeArchivesOfThem', 's3:PutObject', 'Allow s3:PutObject on'],
    ['ClearJournalsAway', 's3:DeleteObject', 'Allow s3:DeleteObject on'],
  ] as const)
    test(`without ${action} tells what is missing, and keeps the journal`, async ({ fixture, startS3 }) => {
      const s3 = await startS3({ RECOVERY: without(RECOVERY, sid, action) });
      await killSession(s3, fixture);
      const before = journalsOf(s3).filter(key => key.endsWith('.gz'));
      const { code, output } = await recoverNow(s3, fixture);
      expect(code, output).toBe(20);
      expect(output).toContain(text);
      expect(journalsOf(s3)).toEqual(expect.arrayContaining(before));
    });

  for (const [what, policy, left] of [
    ['aborts', RECOVERY, 0],
    ['without the right to find them leaves', without(RECOVERY, 'FindUploadsThatWereCutOff'), 1],
    [
      'without the right to abort leaves',
      without(RECOVERY, 'MakeArchivesOfThem', 's3:AbortMultipartUpload'),
      1,
    ],
  ] as const)
    test(`${what} the uploads of the session that was killed`, async ({ fixture, startS3 }) => {
      const s3 = await startS3({ RECOVERY: policy });
      await killSession(s3, fixture);
      await fetch(`${s3.url}/bucket/sessions/test/logs.tar.gz?uploads`, { method: 'POST' });
      const { code, output } = await recoverNow(s3, fixture);
      expect(code, output).toBe(0);
      const journals = keysIn(s3).filter(key => key.includes('/journal/'));
      expect(await keysWithoutFences(s3, journals)).toEqual([]);
      expect(s3.uploads()).toHaveLength(left);
    });
});

describe('the policy of servermgr', () => {
  /** What the pages know of a session that was saved, and of one that was killed, under a policy. */
  async function look(s3: S3Server, fixture: SessionFixture) {
    const [name = '', other = '', absent = ''] = [0, 1, 2].map(() => nameOf(newId(Date.now())));
    const saving = await as('SESSION', s3, fixture, run, [], { TIMESTAMP: name });
    expect(saving.code, saving.output).toBe(0);
    const segment = `${s3.url}/bucket/sessions/.sessions/${other}/journal/00000001.tar.gz`;
    await fetch(segment, { method: 'PUT', body: 'segment' });
    const events: string[] = [];
    const log = pino(
      { level: 'warn' },
      { write: (line: string) => void events.push(JSON.parse(line).event) },
    );
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'SERVERMGR');
    const place = { kind: 's3', bucket: 'bucket', prefix: 'sessions' } as const;
    const saved = openSavedSessions(await openStore(place, { s3: PLAIN }), log);
    onTestFinished(() => saved.close());
    return { saved, name, other, absent, events };
  }

  test('shows what was saved, and finds the journals', async ({ fixture, startS3 }) => {
    const s3 = await startS3();
    const { saved, name, other, absent, events } = await look(s3, fixture);
    const key = `${name}/logs.tar.gz`;
    expect(await saved.report(name, patient)).toMatchObject({ exitCode: 0, archive: { key } });
    expect(await saved.report(absent, patient)).toBeUndefined();
    expect(await Promise.all([name, other, absent].map(each => saved.hasJournal(each, patient)))).toEqual([
      false,
      true,
      false,
    ]);
    expect((await saved.recent(Date.now(), patient)).toSorted()).toEqual([name, other].toSorted());
    const link = await saved.linkTo(key, 'logs.tar.gz', patient);
    expect((await fetch(link ?? '')).status).toBe(200);
    let bytes = 0;
    for await (const chunk of (await saved.read(key, patient)) ?? []) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(0);
    expect(await saved.read(`${absent}/logs.tar.gz`, patient)).toBeUndefined();
    expect(events).toEqual([]);
  });

  test('without s3:ListBucket shows a report whose name is known, and says what is missing', async ({
    fixture,
    startS3,
  }) => {
    const s3 = await startS3({ SERVERMGR: without(SERVERMGR, 'ListWhatTheySaved') });
    const { saved, name, other, events } = await look(s3, fixture);
    expect(await saved.report(name, patient)).toMatchObject({ exitCode: 0 });
    expect(await saved.hasJournal(other, patient)).toBe(false);
    expect(events).toContain('listing_denied');
  });

  test('without s3:GetObject shows nothing', async ({ fixture, startS3 }) => {
    const s3 = await startS3({ SERVERMGR: without(SERVERMGR, 'ReadWhatTheySaved') });
    const { saved, name } = await look(s3, fixture);
    await expect(saved.report(name, patient)).rejects.toThrow(DeniedError);
  });
});
