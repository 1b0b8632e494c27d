import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyScan } from '../../../src/journal/writer/apply-scan.ts';
import { createFileIndex } from '../../../src/journal/writer/file-index.ts';
import { createScanner } from '../../../src/journal/writer/scanner.ts';
import { openJournalFixture } from '../../support/journal.ts';

test('files that are removed during a scan leave nothing in the index', async () => {
  const { work } = await openJournalFixture();
  for (let folder = 0; folder < 40; folder += 1) {
    mkdirSync(join(work, `folder-${folder}`));
    for (let n = 0; n < 200; n += 1) writeFileSync(join(work, `folder-${folder}`, `${n}`), '');
  }
  const scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  const index = createFileIndex();
  // It yields to the event loop before it has seen them all, and then they are gone.
  const scanning = scanner.scan();
  for (const name of readdirSync(work)) rmSync(join(work, name), { recursive: true });
  applyScan(index, await scanning);
  applyScan(index, await scanner.scan());
  expect(index.files.size).toBe(0);
  expect(index.folders.size).toBe(0);
});
