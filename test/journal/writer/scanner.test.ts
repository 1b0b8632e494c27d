import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLedger, enter } from '../../../src/journal/writer/file-index.ts';
import { createScanner } from '../../../src/journal/writer/scanner.ts';
import { playground } from '../../support/journal.ts';

test('what goes while it is being looked at leaves nothing in the books', async () => {
  const { work } = await playground();
  for (let folder = 0; folder < 40; folder += 1) {
    mkdirSync(join(work, `folder-${folder}`));
    for (let n = 0; n < 200; n += 1) writeFileSync(join(work, `folder-${folder}`, `${n}`), '');
  }
  const scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  const ledger = createLedger();
  // It stops for a breath before it has seen them all, and then they are gone.
  const scanning = scanner.scan();
  for (const name of readdirSync(work)) rmSync(join(work, name), { recursive: true });
  enter(ledger, await scanning);
  enter(ledger, await scanner.scan());
  expect(ledger.files.size).toBe(0);
  expect(ledger.folders.size).toBe(0);
});
