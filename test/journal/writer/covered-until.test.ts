import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SEGMENT_BYTES } from '../../../src/journal/format/schema.ts';
import { createLedger, enter } from '../../../src/journal/writer/file-index.ts';
import { createScanner } from '../../../src/journal/writer/scanner.ts';
import { gather } from '../../../src/journal/writer/segment-builder.ts';
import { takenUntilMs } from '../../../src/journal/writer/state.ts';
import { eventually } from '../../support/eventually.ts';
import { playground } from '../../support/journal.ts';

test('what was moved between a look and its reading does not count as safe until it is read', async () => {
  const { work, look, read } = await books();
  const log = join(work, 'agent.log');
  writeFileSync(log, 'one\n');
  const firstMs = await look();
  expect(await read()).toEqual({ texts: ['one\n'], untilMs: firstMs });
  appendFileSync(log, 'two\n');
  await look();
  renameSync(log, `${log}.1`);
  expect(await read()).toEqual({ texts: [], untilMs: firstMs });
  const lastMs = await look();
  expect(await read()).toEqual({ texts: ['two\n'], untilMs: lastMs });
});

test('what was replaced between a look and its reading does not count as safe either', async () => {
  const { work, look, read } = await books();
  const log = join(work, 'agent.log');
  writeFileSync(log, 'one\n');
  const firstMs = await look();
  await read();
  appendFileSync(log, 'two\n');
  await look();
  renameSync(log, `${log}.1`);
  writeFileSync(log, 'three\n');
  expect(await read()).toEqual({ texts: [], untilMs: firstMs });
  const lastMs = await look();
  expect(await read()).toEqual({ texts: ['three\n', 'two\n'], untilMs: lastMs });
});

test('nor does what a look has not found, as long as it may have been moved meanwhile', async () => {
  const { work, look, read } = await books();
  const [log, elsewhere] = [join(work, 'agent.log'), join(`${work}.elsewhere`, 'agent.log')];
  mkdirSync(`${work}.elsewhere`);
  writeFileSync(log, 'one\n');
  const firstMs = await look();
  await read();
  appendFileSync(log, 'two\n');
  // As a look sees it that has been where the file is now, and comes where it was.
  renameSync(log, elsewhere);
  const blindMs = await look();
  expect(await read()).toEqual({ texts: [], untilMs: firstMs });
  renameSync(elsewhere, `${log}.1`);
  const lastMs = await look();
  expect(await read()).toEqual({ texts: ['two\n'], untilMs: lastMs });
  expect(lastMs).toBeGreaterThan(blindMs);
});

/** A journal's books by hand: its looks at the working directory, and its reading of what they have found. */
async function books() {
  const { work } = await playground();
  const scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  const ledger = createLedger();
  const arena = { bytes: Buffer.alloc(SEGMENT_BYTES), used: 0 };
  return {
    work,
    /** @returns when, later than any look before */
    async look() {
      await eventually(() => Date.now() > ledger.scannedAtMs);
      enter(ledger, await scanner.scan());
      return ledger.scannedAtMs;
    },
    async read() {
      arena.used = 0;
      const gathered = await gather(ledger, {
        sequence: 1,
        rewriteIntervalMs: 60_000,
        arena,
        onUnreadable: (_path, why) => expect.fail(why),
      });
      const texts = (gathered?.pieces ?? []).map(({ body }) => body.toString()).sort();
      return { texts, untilMs: takenUntilMs(ledger) };
    },
  };
}
