import { expect, onTestFinished, test } from 'vitest';
import { selfTest } from '../../src/store/self-test.ts';
import type { Conditions } from '../support/s3/state.ts';
import { type FaultRule, startS3Server } from '../support/s3-server.ts';
import { openTestStore } from './s3/support.ts';

const signal = new AbortController().signal;

async function rehearseOn(faults: readonly FaultRule[], conditions: Conditions = 'honoured') {
  const server = await startS3Server({ faults, conditions });
  onTestFinished(() => server.close());
  const destination = await openTestStore(server.url);
  onTestFinished(() => destination.close());
  const rehearsals = await selfTest(destination, signal);
  const left = server.objects().map(({ key }) => key);
  return { results: rehearsals.map(({ what, result }) => `${what}: ${result}`), rehearsals, left };
}

test('tries an upload, a write and a deletion, and leaves nothing behind', async () => {
  const { results, left } = await rehearseOn([]);
  expect(results).toEqual(['check: fine', 'put: fine', 'conditions: fine', 'archive: fine', 'delete: fine']);
  expect(left).toEqual([]);
});

test.for(['ignored', 'refused'] as const)(
  'a store where conditions are %s is one to note, and nothing is left there',
  async conditions => {
    const { results, rehearsals, left } = await rehearseOn([], conditions);
    expect(results).toEqual([
      'check: fine',
      'put: fine',
      'conditions: note',
      'archive: fine',
      'delete: fine',
    ]);
    expect(rehearsals[2]?.detail).toContain('give each session a TIMESTAMP of its own');
    expect(left).toEqual([]);
  },
);

test('a denied deletion is only a note, which names what stays', async () => {
  const faults = [{ match: { operation: ['DeleteObject', 'DeleteObjects'] }, do: 'deny' }] as const;
  const { results, rehearsals, left } = await rehearseOn(faults);
  expect(results).toEqual(['check: fine', 'put: fine', 'conditions: fine', 'archive: fine', 'delete: note']);
  expect(left).toHaveLength(2);
  for (const key of left) expect(rehearsals[4]?.detail).toContain(key.slice('some/prefix/'.length));
});

test('a store that guards small objects alone is one to note', async () => {
  const { results, rehearsals, left } = await rehearseOn([], 'ignored-on-complete');
  expect(results).toEqual(['check: fine', 'put: fine', 'conditions: fine', 'archive: note', 'delete: fine']);
  expect(rehearsals[3]?.detail).toContain('ignores the condition at its end');
  expect(left).toEqual([]);
});

test('an archive that cannot be sent in parts is a fault', async () => {
  const { results, left } = await rehearseOn([{ match: { operation: 'UploadPart' }, do: 'deny' }]);
  expect(results).toEqual(['check: fine', 'put: fine', 'conditions: fine', 'archive: fault', 'delete: fine']);
  expect(left).toEqual([]);
});

test('without the right to abort uploads the check is a note', async () => {
  const { results, rehearsals } = await rehearseOn([
    { match: { operation: 'AbortMultipartUpload' }, do: 'deny' },
  ]);
  expect(results[0]).toBe('check: note');
  expect(rehearsals[0]?.detail).toContain('Allow s3:AbortMultipartUpload on');
});

test('a denied write is a fault with a remedy', async () => {
  const { results, rehearsals } = await rehearseOn([{ match: { operation: 'PutObject' }, do: 'deny' }]);
  expect(results).toEqual(['check: fine', 'put: fault']);
  expect(rehearsals[1]?.remedy).toContain('s3:PutObject');
});

test('a failed check ends it', async () => {
  const { results, rehearsals } = await rehearseOn([{ do: 'deny' }]);
  expect(results).toEqual(['check: fault']);
  expect(rehearsals[0]?.remedy).toContain('s3:PutObject');
});

test('a store that is away is a fault, too', async () => {
  const { results, rehearsals } = await rehearseOn([{ do: '503' }]);
  expect(results).toEqual(['check: fault']);
  expect(rehearsals[0]?.remedy).toBe('Try again when it answers.');
});
