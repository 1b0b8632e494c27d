import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { FaultRule } from '../support/s3/faults.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { program } from '../support/session.ts';
import { test as base } from '../support/session-test.ts';

/** Whatever is put as a whole, such as segments, takes its time: a journal is behind when its session ends. */
const SLOW: FaultRule = { match: { operation: 'PutObject' }, do: 'delay', delayMs: 1_500 };

const test = base.extend('s3', async ({ onTestFinished }): Promise<S3Server> => {
  const s3 = await startS3Server();
  onTestFinished(() => s3.close());
  return s3;
});

const journal = { SESSION_JOURNAL_INTERVAL: '100ms' };

/** In the order in which they were told. */
const events = (stdout: string) =>
  [...stdout.matchAll(/"event":"((?:journal|archive)_\w+)"/g)].map(([, event]) => event);

describe.concurrent('a journal that is behind', { tags: ['slow'] }, () => {
  test('does not hold up the archive of a session that has all its time, and goes with it', async ({
    fixture,
    s3,
  }) => {
    s3.setFaults([SLOW]);
    const noise = { SESSION_AGENT_COMMAND: program('agent-writes-noise', 1) };
    const session = fixture.start({ ...s3Environment(s3), ...journal, ...noise });
    expect((await session.ended()).code, session.stdout()).toBe(0);
    const told = events(session.stdout());
    const flushed = told.includes('journal_flushed') ? told.indexOf('journal_flushed') : told.length;
    expect(told.indexOf('archive_started')).toBeLessThan(flushed);
    expect(told).toContain('archive_saved');
    expect(told).not.toContain('journal_incomplete');
    expect(session.report()).toMatchObject({ saved: 'archive' });
  });

  test('comes before the archive of a session that is asked to stop', async ({ fixture, s3 }) => {
    const counts = { SESSION_AGENT_COMMAND: program('agent-counts') };
    const session = fixture.start({ ...s3Environment(s3), ...journal, ...counts });
    await eventually(() => s3.objects().some(({ key }) => key.endsWith('/journal/00000001.tar.gz')));
    s3.setFaults([SLOW]);
    session.signal('SIGTERM');
    await session.ended();
    expect(events(session.stdout()).slice(0, 4)).toEqual([
      'journal_flush_started',
      'journal_flushed',
      'archive_started',
      'archive_saved',
    ]);
  });

  test('goes on when the archive beside it has failed, and both are told', async ({ fixture, s3 }) => {
    s3.setFaults([SLOW, { match: { operation: 'UploadPart', from: 2 }, do: 'deny' }]);
    const noise = { SESSION_AGENT_COMMAND: program('agent-writes-noise', 20) };
    const session = fixture.start({ ...s3Environment(s3), ...journal, ...noise });
    expect((await session.ended()).code, session.stdout()).toBe(21);
    expect(events(session.stdout())).toEqual([
      'journal_flush_started',
      'archive_started',
      'archive_failed',
      'journal_flushed',
    ]);
    expect(session.report()).toMatchObject({ saved: 'journal' });
  });
});
