import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { applyScan } from '../../../src/journal/writer/apply-scan.ts';
import { createFileIndex } from '../../../src/journal/writer/file-index.ts';
import { lackingIn } from '../../../src/journal/writer/lacking.ts';
import { createScanner } from '../../../src/journal/writer/scanner.ts';
import { openJournalFixture, patient } from '../../support/journal.ts';

/** What scans of a folder have found, of which nothing has been sent. */
async function scanned() {
  const folder = await mkdtemp(join(tmpdir(), 'lacking-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const work = join(folder, 'work');
  await rename(await mkdtemp(join(folder, 'new-')), work);
  const scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  const index = createFileIndex();
  const scan = async () => applyScan(index, await scanner.scan());
  return { work, index, scanner, scan };
}

test('a file of which nothing was ever sent has the size that the last scan found', async () => {
  const { work, scan, ...state } = await scanned();
  for (const name of ['whole', 'short', 'absent']) await writeFile(join(work, name), 'ten bytes!');
  await scan();
  const archived = new Map([
    ['whole', 10],
    ['short', 9],
  ]);
  expect(lackingIn(state, archived).sort()).toEqual(['absent', 'short']);
});

test('what went just before the working directory did is no deletion', async () => {
  const { work, scan, ...state } = await scanned();
  await writeFile(join(work, 'agent.log'), 'ten bytes!');
  await scan();
  await rm(join(work, 'agent.log'));
  await scan();
  expect(lackingIn(state, new Map())).toEqual([]);
  await rename(work, `${work}-away`);
  expect(lackingIn(state, new Map())).toEqual(['agent.log']);
});

test('the companions of a database are looked for as well', async () => {
  const { work, start } = await openJournalFixture();
  using db = new DatabaseSync(join(work, 'world.db'));
  db.exec('PRAGMA journal_mode = wal; CREATE TABLE account (balance INTEGER)');
  const journal = start();
  expect(await journal.finish(patient)).toMatchObject({ durable: true });
  const whole = new Map(['world.db', 'world.db-wal', 'world.db-shm'].map(name => [name, 1_000_000]));
  expect(journal.lackingIn(whole)).toEqual([]);
  expect(journal.lackingIn(new Map([...whole, ['world.db-wal', 32]]))).toEqual(['world.db-wal']);
  db.close();
  expect(journal.lackingIn(new Map([['world.db', 1_000_000]]))).toEqual([]);
});
