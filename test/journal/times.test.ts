import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openJournalFixture, patient } from '../support/journal.ts';
import { piece, putSegments } from '../support/segments.ts';

test.for([
  ['a microsecond', '2025-01-01 00:00:00.123456789', 1_000n],
  ['a millisecond, before 1970', '1969-12-31 23:59:58.123456789', 1_000_000n],
] as const)('a time comes back to %s', async ([, date, withinNs]) => {
  const { work, start, recover } = await openJournalFixture();
  writeFileSync(join(work, 'file'), 'content');
  execFileSync('touch', ['-d', `${date} UTC`, join(work, 'file')]);
  expect(await start().finish(patient)).toEqual({ durable: true, isEnded: true });
  const { folder, nearestTime } = await recover();
  const [was = 0n, is = 0n] = [work, folder].map(
    each => statSync(join(each, 'file'), { bigint: true }).mtimeNs,
  );
  expect(was % 1_000n).not.toBe(0n);
  expect(was - is < withinNs && is - was < withinNs).toBe(true);
  expect(nearestTime).toEqual([]);
});

/** Few file systems have such times. */
test('a file whose time a journal could not keep is named', async () => {
  const { destination, recover } = await openJournalFixture();
  await putSegments(destination, [{ pieces: [piece('old.log', 'content', { mtimeMs: -8.64e15 })] }]);
  expect((await recover()).nearestTime).toEqual(['old.log']);
});
