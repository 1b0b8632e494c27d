/** @module-tag slow */

import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Operation } from '../support/s3/operation.ts';
import type { Conditions } from '../support/s3/state.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type FaultRule, type S3Server, startS3Server } from '../support/s3-server.ts';
import { filesBelow, program, readReport, type SessionFixture } from '../support/session.ts';
import { test as sessionTest } from '../support/session-test.ts';

const KINDS = ['honoured', 'ignored-on-complete', 'ignored', 'refused'] as const;

const test = sessionTest.extend(
  'openS3',
  ({ onTestFinished }) =>
    async (conditions: Conditions = 'honoured', faults: readonly FaultRule[] = []) => {
      const s3 = await startS3Server({ conditions, faults });
      onTestFinished(() => s3.close());
      return s3;
    },
);

const JOURNAL = { SESSION_JOURNAL_INTERVAL: '100ms', SESSION_AGENT_COMMAND: program('agent-counts') };

/** Keys below the destination, in order. */
const keysOf = (s3: S3Server) =>
  s3
    .objects()
    .map(({ key }) => key.slice('sessions/'.length))
    .sort();

const archivesOf = (s3: S3Server) => keysOf(s3).filter(key => key.endsWith('logs.tar.gz'));

const isSegment = (key: string) => /\/journal\/\d{8}\.tar\.gz$/.test(key);

/** The variables of a second session beside the fixture's own. */
async function another({ workdir }: SessionFixture): Promise<Record<string, string>> {
  const port = await freePort();
  return {
    SESSION_WORKDIR: join(workdir, '..', 'work-2'),
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_SERVER_COMMAND: program('server-ready', '--port', port),
  };
}

describe.concurrent('on a store whose conditions are', { tags: ['slow'] }, () => {
  for (const kind of KINDS) {
    test(`${kind}, two sessions of one name at the same time are both saved`, async ({ fixture, openS3 }) => {
      const s3 = await openS3(kind);
      const env = { ...s3Environment(s3), ...JOURNAL };
      const sessions = [fixture.start(env), fixture.start({ ...env, ...(await another(fixture)) })];
      for (const session of sessions) await session.logged('"event":"process_started","child":"agent"');
      await eventually(() => keysOf(s3).filter(isSegment).length >= 4);
      for (const session of sessions) session.signal('SIGTERM');
      for (const session of sessions) expect((await session.ended()).code, session.stdout()).toBe(0);
      const reports = sessions.map(session => session.report());
      expect(new Set(reports.map(({ session }) => session)).size).toBe(2);
      expect(archivesOf(s3)).toEqual(reports.map(({ session }) => `${session}/logs.tar.gz`).sort());
      expect(keysOf(s3).filter(key => key.includes('/journal/'))).toEqual([]);
      const isKept = kind === 'honoured' || kind === 'ignored-on-complete';
      for (const { notices, archive } of reports) {
        expect(archive?.verified).toBe(true);
        expect(notices).toEqual(isKept ? [] : [expect.stringContaining('conditional writes')]);
      }
    });
  }

  for (const kind of KINDS) {
    test(`${kind}, an archive of an older program stays as it is`, async ({ fixture, openS3 }) => {
      const s3 = await openS3(kind);
      const older = `${s3.url}/bucket/sessions/test/logs.tar.gz`;
      await fetch(older, { method: 'PUT', body: 'older' });
      const session = fixture.start(s3Environment(s3));
      expect((await session.ended()).code, session.stdout()).toBe(0);
      const { archive, session: name } = session.report();
      expect(name).toBe('test');
      expect(archive?.key).toMatch(/^test\.(2|[0-9a-f]{8})\/logs\.tar\.gz$/);
      expect(archivesOf(s3)).toEqual([archive?.key, 'test/logs.tar.gz']);
      expect(await (await fetch(older)).text()).toBe('older');
    });
  }

  for (const kind of ['ignored', 'refused'] as const) {
    test(`${kind}, a session that is killed is recovered from its journal`, async ({ fixture, openS3 }) => {
      const s3 = await openS3(kind);
      fixture.start({ ...s3Environment(s3), ...JOURNAL });
      await eventually(() => keysOf(s3).filter(isSegment).length >= 2);
      await fixture.killAll();
      const recovery = fixture.start(s3Environment(s3), 'recover', '--force', 's3://bucket/sessions/test');
      expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
      expect(archivesOf(s3)).toEqual(['test/logs.tar.gz']);
      expect(keysOf(s3).filter(key => key.includes('/journal/'))).toEqual([]);
    });
  }

  test('refused with archives alone, what is then not excluded is told', async ({ fixture, openS3 }) => {
    // After the two of the claim.
    const archive: FaultRule['match'] = { operation: 'PutObject', nth: 3 };
    const s3 = await openS3('honoured', [
      { match: archive, do: 'error', status: 501, code: 'NotImplemented' },
    ]);
    const session = fixture.start({ ...s3Environment(s3), SESSION_JOURNAL_INTERVAL: 'off' });
    expect((await session.ended()).code, session.stdout()).toBe(0);
    const notices = [expect.stringContaining('the store refuses conditional uploads')];
    expect(session.report()).toMatchObject({ archive: { verified: true }, notices });
    expect(archivesOf(s3)).toEqual(['test/logs.tar.gz']);
  });

  test('refused, an archive in parts is sent once', { tags: ['slow'] }, async ({ fixture, openS3 }) => {
    const s3 = await openS3('refused');
    const session = fixture.start({
      ...s3Environment(s3),
      SESSION_AGENT_COMMAND: program('agent-writes-noise', 10),
    });
    expect((await session.ended()).code, session.stdout()).toBe(0);
    expect(s3.counts.CreateMultipartUpload).toBe(2);
    expect(archivesOf(s3)).toEqual(['test/logs.tar.gz']);
  });
});

/** All that a session ever requests, but what s3:PutObject allows. */
const NO_PUTS: readonly Operation[] = [
  'HeadObject',
  'GetObject',
  'ListObjectsV2',
  'ListParts',
  'ListMultipartUploads',
  'HeadBucket',
  'GetBucketLocation',
  'AbortMultipartUpload',
  'DeleteObject',
  'DeleteObjects',
];
const PUTS_ALONE: FaultRule = { match: { operation: NO_PUTS }, do: 'deny' };

describe.concurrent('a session that may put objects, and nothing else,', () => {
  test('is saved and verified, and told what is missing', async ({ fixture, openS3 }) => {
    const s3 = await openS3('honoured', [PUTS_ALONE]);
    const session = fixture.start(s3Environment(s3));
    expect((await session.ended()).code, session.stdout()).toBe(0);
    expect(session.report()).toMatchObject({ session: 'test', archive: { verified: true }, notices: [] });
    expect(session.stdout()).toContain('Allow s3:AbortMultipartUpload on');
    expect(keysOf(s3)).toContain('test/logs.tar.gz');
  });

  test('finds an archive of an older program by the condition', { tags: ['slow'] }, async ({
    fixture,
    openS3,
  }) => {
    const s3 = await openS3('honoured', [PUTS_ALONE]);
    const older = `${s3.url}/bucket/sessions/test/logs.tar.gz`;
    await fetch(older, { method: 'PUT', body: 'older' });
    const session = fixture.start(s3Environment(s3));
    expect((await session.ended()).code, session.stdout()).toBe(0);
    expect(session.report()).toMatchObject({ archive: { key: 'test.2/logs.tar.gz' }, notices: [] });
    s3.setFaults([]);
    expect(await (await fetch(older)).text()).toBe('older');
  });

  for (const kind of ['ignored', 'refused'] as const) {
    test(`has a name that nobody else can have where conditions are ${kind}`, { tags: ['slow'] }, async ({
      fixture,
      openS3,
    }) => {
      const s3 = await openS3(kind, [PUTS_ALONE]);
      const session = fixture.start(s3Environment(s3));
      expect((await session.ended()).code, session.stdout()).toBe(0);
      const { notices, session: name } = session.report();
      expect(name).toMatch(/^test\.[0-9a-f]{8}$/);
      expect(notices).toEqual([expect.stringContaining('conditional writes')]);
      expect(keysOf(s3)).toContain(`${name}/logs.tar.gz`);
    });
  }
});

describe.concurrent('a session', () => {
  test('whose store is down from its start to its end plays on, and is saved when the store is back', async ({
    fixture,
    openS3,
  }) => {
    const s3 = await openS3('honoured', [{ do: '503' }]);
    const session = fixture.start({ ...s3Environment(s3), ...JOURNAL, SESSION_STOP_TIMEOUT: '60s' });
    await session.logged('"event":"process_started","child":"agent"');
    await session.logged('"event":"name_not_claimed"');
    session.signal('SIGTERM');
    await session.logged('"event":"journal_flush_started"');
    expect(keysOf(s3)).toEqual([]);
    s3.setFaults([]);
    expect((await session.ended()).code, session.stdout()).toBe(0);
    expect(keysOf(s3)).toEqual([
      '.sessions/test/archive-index.jsonl.gz',
      '.sessions/test/claim.json',
      '.sessions/test/session.json',
      'test/logs.tar.gz',
    ]);
    expect(session.report().journal?.segments).toBeGreaterThan(0);
  });

  test('leaves nothing at a fallback that it does not need', { tags: ['slow'] }, async ({
    fixture,
    openS3,
  }) => {
    const s3 = await openS3();
    const SESSION_FALLBACK_DESTINATION = 's3://bucket/fallback';
    const session = fixture.start({ ...s3Environment(s3), SESSION_FALLBACK_DESTINATION });
    expect((await session.ended()).code, session.stdout()).toBe(0);
    expect(s3.objects().filter(({ key }) => key.startsWith('fallback'))).toEqual([]);
  });

  test('claims its name at the fallback when that is used', { tags: ['slow'] }, async ({
    fixture,
    openS3,
  }) => {
    const s3 = await openS3('honoured', [{ do: '503' }]);
    const first = fixture.start({ SESSION_DESTINATION: fixture.sessions, ...(await another(fixture)) });
    expect((await first.ended()).code).toBe(0);
    const session = fixture.start({
      ...s3Environment(s3),
      SESSION_FALLBACK_DESTINATION: fixture.sessions,
      SESSION_SAVE_TIMEOUT: '3s',
    });
    expect((await session.ended()).code, session.stdout()).toBe(0);
    expect(keysOf(s3)).toEqual([]);
    expect(session.report()).toMatchObject({ session: 'test.2', archive: { key: 'test.2/logs.tar.gz' } });
    expect((await readReport(fixture.sessions, 'test.2')).faults).toHaveLength(1);
  });

  test('whose name was another’s, whose claim was deleted, leaves its report as it is', {
    tags: ['slow'],
  }, async ({ fixture, run }) => {
    const folder = join(fixture.sessions, '.sessions/test');
    expect((await run()).code).toBe(0);
    const before = await readFile(join(folder, 'session.json'), 'utf8');
    await rm(join(folder, 'claim.json'));
    expect((await run()).code).toBe(0);
    expect(await readFile(join(folder, 'session.json'), 'utf8')).toBe(before);
    const second = JSON.parse(await readFile(join(folder, 'session.2.json'), 'utf8'));
    expect(second).toMatchObject({ session: 'test', archive: { key: 'test.2/logs.tar.gz' } });
    expect(second.run).not.toBe(JSON.parse(before).run);
  });

  test('that is denied its claim at the end goes to the fallback at once', { tags: ['slow'] }, async ({
    fixture,
    openS3,
  }) => {
    const s3 = await openS3('honoured', [{ match: { operation: 'PutObject' }, do: 'deny' }]);
    const session = fixture.start({
      ...s3Environment(s3),
      ...JOURNAL,
      SESSION_AGENT_COMMAND: program('agent-exits', 0, 0),
      SESSION_FALLBACK_DESTINATION: fixture.sessions,
    });
    expect((await session.ended()).code, session.stdout()).toBe(0);
    expect(await filesBelow(fixture.sessions)).toContain('test/logs.tar.gz');
    expect(session.report().phases.find(({ phase }) => phase === 'saving')?.ms).toBeLessThan(20_000);
  });

  test('that is started again under its name after a SIGKILL has another one, and both are recovered', {
    tags: ['slow'],
  }, async ({ fixture }) => {
    const lines: string[] = [];
    for (const name of ['test', 'test.2']) {
      const env = name === 'test' ? {} : await another(fixture);
      fixture.start({ ...JOURNAL, ...env });
      const journal = join(fixture.sessions, '.sessions', name, 'journal');
      const counted = join(env.SESSION_WORKDIR ?? fixture.workdir, 'counted.log');
      const segments = async () => (await readdir(journal)).filter(file => file.endsWith('.gz')).length;
      await eventually(async () => (await readFile(counted)).length > 0);
      await eventually(async () => (await segments()) >= 1);
      const before = await segments();
      await eventually(async () => (await segments()) >= before + 2);
      await fixture.killAll();
      lines.push(await readFile(counted, 'utf8'));
    }
    const recovery = fixture.start({}, 'recover', '--force', join(fixture.sessions, 'test'));
    expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
    for (const [index, name] of ['test', 'test.2'].entries()) {
      const archive = join(fixture.sessions, name, 'logs.tar.gz');
      const { stdout } = await promisify(execFile)('tar', ['xzOf', archive, 'counted.log']);
      expect(stdout.length).toBeGreaterThan(0);
      expect(lines[index]?.startsWith(stdout)).toBe(true);
      expect(await readReport(fixture.sessions, name)).toMatchObject({ session: name, recovered: true });
    }
  });

  test('that is the only one to hold its name by a claim is none to a recovery', { tags: ['slow'] }, async ({
    fixture,
    openS3,
  }) => {
    const s3 = await openS3();
    fixture.start({ ...s3Environment(s3), SESSION_AGENT_COMMAND: program('agent-runs') });
    await eventually(() => keysOf(s3).includes('.sessions/test/claim.json'));
    await fixture.killAll();
    const one = fixture.start(s3Environment(s3), 'recover', '--force', 's3://bucket/sessions/test');
    expect((await one.ended()).code).toBe(64);
    const all = fixture.start(s3Environment(s3), 'recover', '--all', '--force', 's3://bucket/sessions');
    expect((await all.ended()).code).toBe(0);
    expect(keysOf(s3)).toEqual(['.sessions/test/claim.json']);
  });
});
