import { appendFile, open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { crc32OfZeros } from '../../src/files/crc32.ts';
import { openJournalFixture, patient, segmentsIn, unzipped } from '../support/journal.ts';
import { describeSparse, plantSparse, SPARSE_AS_PLANTED } from '../support/sparse.ts';

test('sparse files come back with their holes, of which the journal has no byte', async () => {
  const { work, store, start, recover } = await openJournalFixture();
  plantSparse(work);
  const journal = start();
  expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
  const segments = await Promise.all((await segmentsIn(join(store, 'now/journal'))).map(unzipped));
  expect(Buffer.concat(segments).length).toBeLessThan(200_000);
  const recovered = await recover();
  expect(recovered).toMatchObject({ problems: [], truncated: [], displaced: [], missing: [], gaps: [] });
  expect(describeSparse(recovered.folder)).toEqual(SPARSE_AS_PLANTED);
});

test('a file that becomes sparse, is written to, and grows again is followed', async () => {
  const { work, start, recover } = await openJournalFixture();
  const path = join(work, 'map.db');
  await writeFile(path, 'the beginning');
  const journal = start({ rewriteIntervalMs: 1 });
  const covered = async () => {
    const sinceMs = Date.now();
    await expect.poll(() => journal.report().coveredUntilMs, { timeout: 10_000 }).toBeGreaterThan(sinceMs);
  };
  await covered();
  await using file = await open(path, 'r+');
  await file.truncate(2 ** 40);
  await covered();
  await file.write('in a hole', 2 ** 30);
  await covered();
  await appendFile(path, 'more');
  expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
  const { folder, problems } = await recover();
  expect(problems).toEqual([]);
  const { size, blocks } = await stat(join(folder, 'map.db'));
  expect(size).toBe(2 ** 40 + 4);
  expect(blocks * 512).toBeLessThan(100_000);
  await using back = await open(join(folder, 'map.db'));
  const textAt = async (at: number, length: number) =>
    (await back.read(Buffer.alloc(length), 0, length, at)).buffer.toString();
  expect(await textAt(0, 13)).toBe('the beginning');
  expect(await textAt(2 ** 30, 9)).toBe('in a hole');
  expect(await textAt(2 ** 40, 4)).toBe('more');
});

test('the checksum of zeros is the one that they would have had if they were read', () => {
  const begun = crc32('begun');
  for (const count of [0, 1, 2, 3, 31, 4096, 1_000_003])
    expect(crc32OfZeros(count, begun)).toBe(crc32(Buffer.alloc(count), begun));
});
