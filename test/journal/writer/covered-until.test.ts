import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SEGMENT_BYTES } from '../../../src/journal/format/schema.ts';
import { applyScan } from '../../../src/journal/writer/apply-scan.ts';
import { createFileIndex } from '../../../src/journal/writer/file-index.ts';
import { createScanner } from '../../../src/journal/writer/scanner.ts';
import { buildSegment } from '../../../src/journal/writer/segment-builder.ts';
import { backlog, readUntilMs } from '../../../src/journal/writer/state.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture } from '../../support/journal.ts';

test('a file moved between the scan and its reading is not covered until it is read', async () => {
  const { work, scan, read } = await createWriter();
  const log = join(work, 'agent.log');
  writeFileSync(log, 'one\n');
  const firstMs = await scan();
  expect(await read()).toEqual({ texts: ['one\n'], untilMs: firstMs });
  appendFileSync(log, 'two\n');
  await scan();
  renameSync(log, `${log}.1`);
  expect(await read()).toEqual({ texts: [], untilMs: firstMs });
  const lastMs = await scan();
  expect(await read()).toEqual({ texts: ['two\n'], untilMs: lastMs });
});

test('nor is one that was replaced between the scan and its reading', async () => {
  const { work, scan, read } = await createWriter();
  const log = join(work, 'agent.log');
  writeFileSync(log, 'one\n');
  const firstMs = await scan();
  await read();
  appendFileSync(log, 'two\n');
  await scan();
  renameSync(log, `${log}.1`);
  writeFileSync(log, 'three\n');
  expect(await read()).toEqual({ texts: [], untilMs: firstMs });
  const lastMs = await scan();
  expect(await read()).toEqual({ texts: ['three\n', 'two\n'], untilMs: lastMs });
});

test('nor is one that a scan has not found, as long as it may have been moved during the scan', async () => {
  const { work, scan, read } = await createWriter();
  const [log, elsewhere] = [join(work, 'agent.log'), join(`${work}.elsewhere`, 'agent.log')];
  mkdirSync(`${work}.elsewhere`);
  writeFileSync(log, 'one\n');
  const firstMs = await scan();
  await read();
  appendFileSync(log, 'two\n');
  // As for a scan that passed the new path before the file was moved there, and the old one after.
  renameSync(log, elsewhere);
  const missedMs = await scan();
  expect(await read()).toEqual({ texts: [], untilMs: firstMs });
  renameSync(elsewhere, `${log}.1`);
  const lastMs = await scan();
  expect(await read()).toEqual({ texts: ['two\n'], untilMs: lastMs });
  expect(lastMs).toBeGreaterThan(missedMs);
});

test('one that is removed while its rewrite waits is waiting until the removal is sent', async () => {
  const { work, scan, read, waiting } = await createWriter();
  const world = join(work, 'r.0.0.mca');
  writeFileSync(world, 'one');
  await scan();
  await read();
  writeFileSync(world, 'two');
  await scan();
  await read();
  expect(waiting()).toEqual(['r.0.0.mca']);
  rmSync(world);
  await scan();
  await read();
  expect(waiting()).toEqual(['r.0.0.mca']);
  await scan();
  await read();
  expect(waiting()).toEqual([]);
});

/** A journal writer by hand: its scans of the working directory, and the reading of what they have found. */
async function createWriter() {
  const { work } = await openJournalFixture();
  const scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  const index = createFileIndex();
  const arena = { bytes: Buffer.alloc(SEGMENT_BYTES), used: 0 };
  return {
    work,
    waiting: () => backlog(index).paths,
    /** @returns when it began: later than any scan before */
    async scan() {
      await eventually(() => Date.now() > index.scannedAtMs);
      applyScan(index, await scanner.scan());
      return index.scannedAtMs;
    },
    async read() {
      arena.used = 0;
      const content = await buildSegment(index, {
        sequence: 1,
        rewriteIntervalMs: 60_000,
        arena,
        scratch: work,
        onUnreadable: (_path, why) => expect.fail(why),
      });
      const texts = (content?.pieces ?? []).map(({ body }) => body.toString()).sort();
      return { texts, untilMs: readUntilMs(index) };
    },
  };
}
