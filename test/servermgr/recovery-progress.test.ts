/** @module-tag slow */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Fence } from '../../src/journal/format/fence.ts';
import { PLAN_KEY, segmentKey } from '../../src/journal/format/schema.ts';
import { seal } from '../../src/journal/format/sealed.ts';
import { encodeFence } from '../../src/journal/format/segment.ts';
import { readStanding } from '../../src/servermgr/operators/recovery.ts';
import { type RecoveryFacts, recoveryProgress } from '../../src/servermgr/operators/recovery-progress.ts';
import { nameOf, newId } from '../../src/servermgr/session-id.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { patient } from '../support/journal.ts';
import { piece, putSegments } from '../support/segments.ts';

test('each step is known by what the recovery has written, and that it has stopped by its silence', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'standing-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const store = openDirectoryStore(folder);
  const name = nameOf(newId(Date.now())) ?? '';
  const prefix = `.sessions/${name}/journal`;
  const put = (key: string, body: Buffer) => store.put(`${prefix}/${key}`, body, { signal: patient });
  const standing = () => readStanding(store, name, patient);
  const progress = async (changes: Partial<RecoveryFacts> = {}) =>
    recoveryProgress({
      ...{ requestedMs: Date.now() - 1_000, status: undefined, report: undefined, nowMs: Date.now() },
      standing: await standing(),
      ...changes,
    });

  expect(await standing()).toBeUndefined();
  expect((await progress())?.faults).toEqual([expect.stringContaining('There is no journal')]);
  await putSegments(store, [{ pieces: [piece('agent.log', 'a line\n')] }, {}], prefix);
  expect(await progress({ requestedMs: undefined })).toBeUndefined();
  expect(await progress()).toMatchObject({ done: 1, isAtWork: true, faults: [] });
  // Nothing of it within minutes.
  const late = await progress({ requestedMs: Date.now() - 600_000 });
  expect(late).toMatchObject({ done: 1, isAtWork: false });
  expect(late?.faults).toEqual([expect.stringContaining('Nothing of it is to be seen')]);

  const fence: Fence = {
    ...{ by: randomUUID(), host: 'a-machine', since: new Date().toISOString() },
    ...{ state: 'working', after: 2 },
  };
  const fenceKey = segmentKey(3);
  await put(fenceKey, await encodeFence(fence));
  expect(await progress()).toMatchObject({ done: 2, isAtWork: true });
  // Also one that nobody here has asked for.
  expect(await progress({ requestedMs: undefined })).toMatchObject({ done: 2, isAtWork: true });
  expect((await progress())?.details[0]).toContain('a-machine has the journal since');

  const plan = {
    ...{ archiveKey: `${name}/logs.tar.gz`, reportKey: 'x', isFinished: true },
    ...{
      problems: [{ segment: segmentKey(1), why: 'it is damaged' }],
      waiting: { files: 0, bytes: 0, paths: [] },
    },
  };
  await put(PLAN_KEY, Buffer.from(seal(plan)));
  const uploaded = { bytes: 1, of: 3 };
  const packing = await progress({ status: { isRunning: true, uploaded, words: undefined } });
  expect(packing).toMatchObject({ done: 3, isAtWork: true });
  expect(packing?.details).toContain('33 % are uploaded.');

  // It was killed: its fence is not followed by another one.
  const old = new Date(Date.now() - 600_000);
  await utimes(join(folder, prefix, fenceKey), old, old);
  const silent = await progress();
  expect(silent).toMatchObject({ done: 3, isAtWork: false });
  expect(silent?.faults.join(' ')).toMatch(/said nothing for minutes.*it is damaged/);

  await put(PLAN_KEY, Buffer.from(seal({ ...plan, archive: { bytes: 9, sha256: 'x' } })));
  expect(await progress()).toMatchObject({ done: 4 });
  await put(segmentKey(4), await encodeFence({ ...fence, state: 'released' }));
  const released = await progress({ status: { isRunning: false, uploaded: undefined, words: 'no space' } });
  expect(released?.faults.slice(0, 2)).toEqual([
    'It has given up, and the journal is kept.',
    'Its last words: no space',
  ]);

  // A plan that cannot be read is none.
  await put(PLAN_KEY, Buffer.from(`${seal(plan).slice(0, -4)}00"}`));
  expect((await standing())?.plan).toBeUndefined();
});
