import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { deleteJournal } from '../../src/journal/delete.ts';
import { findJournals } from '../../src/journal/reader/find.ts';
import { recoverJournal } from '../../src/journal/reader/rebuild.ts';
import { askStore, standingOf } from '../../src/journal/reader/standing.ts';
import { openTestStore } from '../store/s3/support.ts';
import { eventually } from '../support/eventually.ts';
import { openJournalFixture, patient, SAVED_BEFORE, storedBy, treeOf } from '../support/journal.ts';
import { startS3Server } from '../support/s3-server.ts';

test('a journal lives through an S3 that fails, is recovered from it and removed from it', {
  tags: ['slow'],
}, async () => {
  const server = await startS3Server({
    faults: [
      { match: { operation: 'PutObject', nth: 1 }, do: '500-after-commit' },
      { match: { operation: 'PutObject', probability: 0.2, seed: 5 }, do: '503' },
      { match: { operation: 'PutObject', probability: 0.1, seed: 6 }, do: 'reset' },
      { match: { operation: 'GetObject', probability: 0.2, seed: 7 }, do: '503' },
    ],
  });
  onTestFinished(() => server.close());
  const destination = await openTestStore(server.url, { prefix: 'sessions' });
  onTestFinished(() => destination.close());
  const { work, store, start } = await openJournalFixture();
  await writeFile(join(work, 'world.dat'), Buffer.alloc(200_000, 3));
  const journal = start({ destination });
  for (let n = 0; n < 20; n += 1) {
    await appendFile(join(work, 'agent.log'), `line ${n}\n`);
    await eventually(() => journal.report().segments > n / 2);
  }
  const [live] = await findJournals(destination, 'now/', patient);
  const { nowMs, conditions } = await askStore(destination, 'now/journal', patient);
  expect(conditions).toBe('honoured');
  expect(live && standingOf(live, nowMs)).toEqual({ kind: 'written' });
  expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
  expect(journal.report().prefix).toBe('now/journal');
  const folder = join(store, 'recovered');
  const recovered = await recoverJournal({ destination, prefix: 'now/journal', folder, signal: patient });
  expect(recovered).toMatchObject({ problems: [], isFinished: true });
  expect(treeOf(folder)).toEqual(treeOf(work));
  await deleteJournal(destination, storedBy(journal), SAVED_BEFORE, { signal: patient, fences: 'none' });
  expect(server.objects()).toEqual([]);
});

test('a journal that its store will never take ends at once, and says so once', async () => {
  const refusal = { do: 'error', status: 501, code: 'NotImplemented' } as const;
  const server = await startS3Server({
    faults: [{ match: { operation: 'PutObject', from: 3 }, ...refusal }],
  });
  onTestFinished(() => server.close());
  const destination = await openTestStore(server.url, { prefix: 'sessions' });
  onTestFinished(() => destination.close());
  const { work, start, problems } = await openJournalFixture();
  const journal = start({ destination });
  await eventually(() => server.counts.PutObject === 2);
  await appendFile(join(work, 'agent.log'), 'a line\n');
  await eventually(() => problems.length > 0);
  expect(await journal.finish(patient)).toMatchObject({ durable: false });
  expect(problems).toEqual([{ kind: 'refused', why: expect.stringContaining('NotImplemented') }]);
  expect(server.counts.PutObject).toBe(3);
});
