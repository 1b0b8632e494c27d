import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type FaultRule, type S3Server, startS3Server } from '../support/s3-server.ts';
import { program, readReport, readReportFile } from '../support/session.ts';
import { test as sessionTest } from '../support/session-test.ts';

const test = sessionTest
  .extend('s3', async ({ onTestFinished }) => {
    const s3 = await startS3Server();
    onTestFinished(async () => {
      try {
        expect(s3.uploads(), 'uploads left open').toEqual([]);
      } finally {
        await s3.close();
      }
    });
    return s3;
  })
  .extend(
    'start',
    ({ s3, fixture }) =>
      (env: Record<string, string> = {}, faults: readonly FaultRule[] = []) => {
        s3.setFaults(faults);
        return fixture.start({
          SESSION_DESTINATION: 's3://bucket/some/prefix',
          SESSION_S3_PATH_STYLE: '1',
          AWS_ENDPOINT_URL_S3: s3.url,
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: 'AKIDTEST',
          AWS_SECRET_ACCESS_KEY: 'verysecret',
          ...env,
        });
      },
  );

const keysOf = (s3: S3Server) =>
  s3
    .objects()
    .map(({ key }) => key)
    .sort();

/** More than one part, so that there is an upload to abort. */
const noise = { SESSION_AGENT_COMMAND: program('agent-writes-noise', 10) };

describe.concurrent('with S3, a session', () => {
  test('is saved, with its claim and its report where those of all sessions are', async ({ s3, start }) => {
    const session = start();
    expect(await session.ended(), session.stderr()).toEqual({ code: 0, signal: null });
    expect(keysOf(s3)).toEqual([
      'some/prefix/.sessions/test/archive-index.jsonl.gz',
      'some/prefix/.sessions/test/claim.json',
      'some/prefix/.sessions/test/session.json',
      'some/prefix/test/logs.tar.gz',
    ]);
    expect(session.report().archive).toMatchObject({ verified: true, parts: 1 });
  });

  test('names its run in the metadata of everything that it writes', { tags: ['slow'] }, async ({
    s3,
    start,
  }) => {
    const session = start({
      SESSION_JOURNAL_INTERVAL: '50ms',
      SESSION_AGENT_COMMAND: program('agent-counts'),
    });
    await eventually(() => keysOf(s3).some(key => key.endsWith('/journal/00000001.tar.gz')));
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    const writes = s3.requests.filter(({ operation }) =>
      /^(PutObject|CreateMultipartUpload)$/.test(operation),
    );
    const keys = writes.map(({ key }) => key.slice('some/prefix/'.length));
    for (const key of [
      '.sessions/test/claim.json',
      '.sessions/test/journal/00000001.tar.gz',
      'test/logs.tar.gz',
    ])
      expect(keys).toContain(key);
    const runs = new Set(writes.map(({ headers }) => headers['x-amz-meta-run']));
    expect([...runs]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  test('goes up in parts when it is large', { tags: ['slow'] }, async ({ s3, start }) => {
    const session = start(noise);
    expect((await session.ended()).code).toBe(0);
    const { archive } = session.report();
    expect(archive?.parts).toBeGreaterThan(1);
    expect(archive?.bytes).toBe(s3.objects().find(({ key }) => key.endsWith('tar.gz'))?.bytes);
  });

  for (const [what, match, env, code] of [
    ['is uploaded again, and saved', { upTo: 1 }, {}, 0],
    ['is not saved where that stays', {}, {}, 20],
    ['is recovered from the journal where that stays', {}, { SESSION_JOURNAL_INTERVAL: '50ms' }, 21],
  ] as const) {
    test(`whose archive has other bytes at the store, as that says, ${what}`, { tags: ['slow'] }, async ({
      start,
    }) => {
      const session = start({ ...noise, ...env, SESSION_S3_SSE: 'aws:kms' }, [
        { match: { operation: 'CompleteMultipartUpload', ...match }, do: 'other-checksum' },
      ]);
      expect((await session.ended()).code, session.stdout()).toBe(code);
      const { archive, faults } = session.report();
      if (code === 0) expect(archive).toMatchObject({ tries: 3, verified: true });
      else expect(faults).toEqual([expect.stringContaining('the store says that it has other bytes')]);
      expect(session.stdout().includes('"event":"archive_saved"')).toBe(code === 0);
    });
  }

  test('never starts when the bucket does not exist', async ({ start }) => {
    const session = start({ SESSION_DESTINATION: 's3://no-such-bucket' });
    expect((await session.ended()).code).toBe(64);
    expect(session.stdout()).not.toContain('process_started');
    expect(session.stderr() + session.stdout()).toContain('no-such-bucket');
  });

  test('never starts when access is denied', { tags: ['slow'] }, async ({ start }) => {
    const session = start({}, [{ do: 'deny' }]);
    expect((await session.ended()).code).toBe(64);
    expect(session.stdout()).not.toContain('process_started');
  });

  test('starts nothing any more when it is stopped while the store is asked, and is saved', async ({
    s3,
    start,
  }) => {
    const session = start({ SESSION_SETUP_COMMAND: 'true' }, [{ do: '503' }]);
    await session.logged('"event":"session_started"');
    session.signal('SIGTERM');
    await session.logged('"event":"stop_requested"');
    expect(session.stdout()).not.toContain('"event":"destination_unavailable"');
    s3.setFaults([]);
    expect((await session.ended()).code).toBe(0);
    expect(session.stdout()).not.toContain('process_started');
    expect(session.report()).toMatchObject({ saved: 'archive', end: { by: 'signal' }, children: [] });
  });

  test('starts with a warning when the store is merely unavailable, and is saved when it is back', {
    tags: ['slow'],
  }, async ({ s3, start }) => {
    const session = start({ SESSION_AGENT_COMMAND: program('agent-runs') }, [{ do: '503' }]);
    await session.logged('"event":"destination_unavailable"');
    await session.logged('"event":"process_started","child":"agent"');
    s3.setFaults([]);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(keysOf(s3)).toContain('some/prefix/test/logs.tar.gz');
  });

  test('is saved through 503s, throttling and resets', { tags: ['slow'] }, async ({ s3, start }) => {
    const session = start({ SESSION_AGENT_COMMAND: program('agent-writes-noise', 18) }, [
      { match: { operation: 'UploadPart', nth: 1 }, do: '503' },
      { match: { operation: 'UploadPart', nth: 2 }, do: 'reset' },
      { match: { operation: 'UploadPart', nth: 3 }, do: 'SlowDown' },
      { match: { operation: 'CompleteMultipartUpload', nth: 1 }, do: '500-after-commit' },
    ]);
    expect((await session.ended()).code).toBe(0);
    expect(keysOf(s3)).toContain('some/prefix/test/logs.tar.gz');
  });

  test('warns once of an outage, and says when it is over', { tags: ['slow'] }, async ({ s3, start }) => {
    const session = start({
      SESSION_JOURNAL_INTERVAL: '50ms',
      SESSION_AGENT_COMMAND: program('agent-counts'),
    });
    await eventually(() => keysOf(s3).some(key => key.includes('/journal/')));
    s3.setFaults([{ do: '503' }]);
    await session.logged('"event":"journal_upload_failing"');
    const puts = s3.counts.PutObject ?? 0;
    await eventually(() => (s3.counts.PutObject ?? 0) >= puts + 3);
    s3.setFaults([]);
    await session.logged('"event":"request_recovered"');
    session.signal('SIGTERM');
    expect((await session.ended()).code, session.stdout()).toBe(0);
    const lines = session.stdout().split('\n').filter(Boolean);
    const events = lines.map(line => JSON.parse(line)).filter(({ event }) => event !== undefined);
    const warnings = events.filter(({ level }) => level === 'warn' || level === 'error');
    expect(warnings.map(({ event }) => event)).toEqual(['request_retry']);
    const ends = events.filter(({ event }) => event === 'request_recovered');
    expect(ends).toEqual([expect.objectContaining({ level: 'info' })]);
    expect(ends[0].retries).toBeGreaterThanOrEqual(3);
  });

  test('goes to the fallback when S3 has finally failed', { tags: ['slow'] }, async ({ fixture, start }) => {
    const session = start({ SESSION_FALLBACK_DESTINATION: fixture.sessions, SESSION_SAVE_TIMEOUT: '3s' }, [
      { match: { operation: ['PutObject', 'UploadPart'] }, do: '503' },
    ]);
    expect((await session.ended()).code).toBe(0);
    expect(await readdir(join(fixture.sessions, 'test'))).toContain('logs.tar.gz');
    expect((await readReport(fixture.sessions)).faults).toHaveLength(1);
  });

  test('exits with 20 when it cannot be saved in time, whatever ended it, and keeps its report', async ({
    fixture,
    start,
  }) => {
    const session = start({ SESSION_SAVE_TIMEOUT: '2s', SESSION_AGENT_COMMAND: program('agent-exits', 3) }, [
      { match: { operation: ['PutObject', 'UploadPart'] }, do: '503' },
    ]);
    expect((await session.ended()).code).toBe(20);
    expect(await readReportFile(fixture.workdir)).toMatchObject({
      exitCode: 20,
      saved: 'lost',
      end: { by: 'agent-exited' },
    });
  });
});

describe.concurrent('a stop signal while the archive goes up', () => {
  test('lets it go on while there is time', { tags: ['slow'] }, async ({ s3, start }) => {
    const session = start({ ...noise, SESSION_STOP_TIMEOUT: '60s' }, [
      { match: { operation: 'UploadPart' }, do: 'slow', bytesPerSecond: 16 * 1024 * 1024 },
    ]);
    await eventually(() => s3.counts.UploadPart);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(keysOf(s3)).toContain('some/prefix/test/logs.tar.gz');
  });

  test('aborts it in time when the store stalls: nothing half-made stays behind, and the code is 20', {
    tags: ['slow'],
  }, async ({ s3, start }) => {
    const session = start({ ...noise, SESSION_STOP_TIMEOUT: '8s' }, [
      { match: { operation: 'UploadPart' }, do: 'stall' },
    ]);
    await eventually(() => s3.counts.UploadPart);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(20);
    // The container's disk goes with the container.
    expect(keysOf(s3)).toContain('some/prefix/.sessions/test/session.json');
  });

  test('leaves its report at the fallback when nothing else can be had of either', {
    tags: ['slow'],
  }, async ({ s3, start, fixture }) => {
    const session = start(
      {
        ...noise,
        SESSION_DESTINATION: fixture.sessions,
        SESSION_FALLBACK_DESTINATION: 's3://bucket/some/prefix',
        SESSION_JOURNAL_INTERVAL: 'off',
        SESSION_STOP_TIMEOUT: '10s',
      },
      [{ match: { operation: 'UploadPart' }, do: 'stall' }],
    );
    await session.logged('"event":"name_claimed"');
    // What was checked there may still be cleared away.
    await eventually(async () => {
      await rm(fixture.sessions, { recursive: true, force: true });
      await writeFile(fixture.sessions, 'no folder any more');
      return true;
    });
    await eventually(() => s3.counts.UploadPart);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(20);
    expect(keysOf(s3)).toContain('some/prefix/.sessions/test/session.json');
  });

  test('that comes twice aborts it at once', { tags: ['slow'] }, async ({ s3, start }) => {
    const session = start({ ...noise, SESSION_STOP_TIMEOUT: '1h' }, [
      { match: { operation: 'UploadPart' }, do: 'stall' },
    ]);
    await eventually(() => s3.counts.UploadPart);
    session.signal('SIGTERM');
    await session.logged('"event":"stop_requested"');
    await eventually(() => {
      session.signal('SIGINT');
      return session.process.exitCode !== null;
    });
    expect((await session.ended()).code).toBe(130);
  });
});
