import { closeSync, futimesSync, openSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { copyDatabase } from '../../../src/journal/writer/database-copy.ts';
import { createScanner } from '../../../src/journal/writer/scanner.ts';
import { openJournalFixture } from '../../support/journal.ts';

test('what is written to all the time has no copy of one moment, and one that is not says so', async () => {
  const { work } = await openJournalFixture();
  const path = join(work, 'world.db');
  await writeFile(path, Buffer.alloc(2_000_000));
  const scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  const fd = openSync(path, 'r+');
  onTestFinished(() => closeSync(fd));
  let writes = 0;
  // Before each read, in the middle of the file, whose times are set back: only its bytes tell.
  const write = () => {
    writes += 1;
    writeSync(fd, `write ${writes}`, 1_000_000);
    futimesSync(fd, 1_700_000_000, 1_700_000_000);
    return undefined;
  };
  write();
  const [node] = (await scanner.scan()).added;
  if (node?.kind !== 'file') throw new Error('no file');
  const copy = async (pace: () => undefined, acceptTorn: boolean) => {
    const copied = await copyDatabase(node, { scratch: tmpdir(), pace, acceptTorn });
    if (copied.kind !== 'copied') return copied;
    const { files, isTorn } = copied;
    const now = await readFile(path);
    const isEqual = files.every(({ file }) => now.equals(file.readInto(Buffer.alloc(now.length), 0)));
    for (const { file } of files) closeSync(file.fd);
    return { isTorn, isEqual, files: files.length };
  };
  expect(await copy(write, false)).toMatchObject({ kind: 'changing' });
  expect(await copy(write, true)).toEqual({ isTorn: true, isEqual: false, files: 1 });
  expect(await copy(() => undefined, true)).toEqual({ isTorn: false, isEqual: true, files: 1 });
});
