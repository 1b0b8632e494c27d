import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { putReport } from '../../src/report/put.ts';
import { type FoundReport, formatReport } from '../../src/report/schema.ts';
import { openTestStore } from '../store/s3/support.ts';
import { patient } from '../support/journal.ts';
import type { Conditions } from '../support/s3/state.ts';
import { type FaultRule, startS3Server } from '../support/s3-server.ts';

const KEY = '.sessions/test/session.json';
const SECOND = '.sessions/test/session.2.json';

const reportOf = (run: string) => formatReport({ format: 1, saved: 'archive', run });

async function stage(conditions: Conditions = 'honoured', faults: readonly FaultRule[] = []) {
  const s3 = await startS3Server({ conditions });
  onTestFinished(() => s3.close());
  const store = await openTestStore(s3.url, { prefix: '' });
  onTestFinished(() => store.close());
  const put = (run: string) => {
    const isOwn = (found: FoundReport) => found.run === run;
    return putReport(store, KEY, reportOf(run), { isOwn, signal: patient });
  };
  const read = async (key: string) => (await fetch(`${s3.url}/bucket/${key}`)).text();
  return { store, put, read, deny: () => s3.setFaults(faults) };
}

describe.for(['honoured', 'ignored', 'refused'] as const)('where conditions are %s, a report', conditions => {
  test('replaces that of its own run, and no other', async () => {
    const { store, put, read } = await stage(conditions);
    const [first, second] = [randomUUID(), randomUUID()];
    expect(await put(first)).toBe(KEY);
    expect(await put(first)).toBe(KEY);
    expect(await put(second)).toBe(SECOND);
    expect(await put(second)).toBe(SECOND);
    expect(await put(randomUUID())).toBe('.sessions/test/session.3.json');
    expect(await read(KEY)).toBe(reportOf(first).toString());
    expect(await read(SECOND)).toBe(reportOf(second).toString());
    // What is no report at all is somebody's as well.
    await store.put(KEY, Buffer.from('notes'), { signal: patient });
    expect(await put(second)).toBe(SECOND);
    expect(await read(KEY)).toBe('notes');
  });
});

test('a report that may not be read is not replaced', async () => {
  const { put, read, deny } = await stage('honoured', [
    { match: { operation: ['GetObject', 'ListObjectsV2'] }, do: 'deny' },
  ]);
  const [first, second] = [randomUUID(), randomUUID()];
  await put(first);
  deny();
  expect(await put(second)).toBe(SECOND);
  await expect(read(SECOND)).resolves.toContain('AccessDenied');
});
