import { appendFileSync, chmodSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { ScanResult } from '../../../src/journal/writer/scan.ts';
import { createScanner, type Scanner } from '../../../src/journal/writer/scanner.ts';
import { openJournalFixture } from '../../support/journal.ts';

/** The files of a folder that rests are looked at in one of so many scans. */
const SCANS_PER_LOOK = 15;
const FILES = 20;
/** In the order of the scan: its turn of a look depends on it. */
const FOLDER_NUMBER = 1;

let work: string;
let folder: string;
/** A hard link to one of the files: who watches their folder is not told of writes through it. */
let hidden: string;
let scanner: Scanner;
let scans: number;

beforeEach(async () => {
  work = (await openJournalFixture()).work;
  folder = join(work, 'world');
  mkdirSync(folder);
  for (let n = 0; n < FILES; n += 1) writeFileSync(join(folder, `${n}`), 'first\n');
  hidden = join(work, '../hidden');
  linkSync(join(folder, '7'), hidden);
  scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  scans = 0;
  onTestFinished(() => scanner.close());
});

describe('in a folder that rests', () => {
  beforeEach(async () => {
    await rest();
  });

  test.each([
    ['appended to', () => appendFileSync(join(folder, '3'), 'second\n')],
    ['written anew', () => writeFileSync(join(folder, '3'), 'other\n')],
    ['given another mode', () => chmodSync(join(folder, '3'), 0o600)],
  ])('a file that is %s is found by the next scan', async (_, change) => {
    change();
    expect(await changed()).toEqual(['world/3']);
  });

  test('a file that is added, removed or replaced is found by the next scan', async () => {
    writeFileSync(join(folder, 'new'), '');
    rmSync(join(folder, '4'));
    renameSync(join(folder, '5'), join(folder, '6'));
    const { added, removed } = await scan();
    expect(paths(added)).toEqual(['world/6', 'world/new']);
    expect(paths(removed)).toEqual(['world/4', 'world/5', 'world/6']);
  });

  test('changes go on to be found while it is busy, and once it rests again', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      for (let line = 0; line < 3; line += 1) {
        appendFileSync(join(folder, '3'), 'more\n');
        expect(await changed()).toEqual(['world/3']);
      }
      await rest();
    }
  });

  test('a folder that takes its place is looked at by the next scan', async () => {
    renameSync(folder, join(work, 'old'));
    mkdirSync(folder);
    writeFileSync(join(folder, '3'), 'another\n');
    const { added, removed } = await scan();
    expect(paths(added)).toContain('world/3');
    expect(paths(removed)).toContain('world/3');
    appendFileSync(join(work, 'old/7'), 'second\n');
    expect(await changed()).toContain('old/7');
  });

  test('what no watch tells of is found by a look, and from then on by each scan', async () => {
    appendFileSync(hidden, 'second\n');
    // The folder rests: otherwise the next scan would have found it.
    expect(await scansUntilFound()).toBeGreaterThan(1);
    await rest();
    appendFileSync(hidden, 'third\n');
    expect(await changed()).toEqual(['world/7']);
  });

  test('when everything is to be looked at, everything is', async () => {
    appendFileSync(hidden, 'second\n');
    expect(paths((await scan(true)).changed)).toEqual(['world/7']);
  });
});

/** Until the folder is watched; the last scan was one that looks at its files nevertheless. */
async function rest(): Promise<void> {
  let quiet = 0;
  while (quiet < 2 * SCANS_PER_LOOK || (scans + FOLDER_NUMBER) % SCANS_PER_LOOK !== 0)
    quiet = (await changed()).length === 0 ? quiet + 1 : 0;
}

async function scansUntilFound(): Promise<number> {
  for (let tried = 1; tried <= SCANS_PER_LOOK; tried += 1) if ((await changed()).length > 0) return tried;
  throw new Error('it is not found at all');
}

async function scan(everything = false): Promise<ScanResult> {
  scans += 1;
  return scanner.scan(everything);
}

async function changed(): Promise<string[]> {
  return paths((await scan()).changed).filter(path => path !== 'world');
}

function paths(nodes: Iterable<{ readonly path: string }>): string[] {
  return Array.from(nodes, ({ path }) => path).sort();
}
