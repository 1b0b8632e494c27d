import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { copyDatabase } from '../../../src/journal/writer/database-copy.ts';
import { createScanner } from '../../../src/journal/writer/scanner.ts';
import { createYielder } from '../../../src/runtime/concurrency.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture } from '../../support/journal.ts';

test('what is written to all the time has no copy of one moment, and one that is not says so', {
  tags: ['slow'],
}, async () => {
  const { work } = await openJournalFixture();
  const path = join(work, 'world.db');
  await writeFile(path, Buffer.alloc(2_000_000));
  const writing = spawn(process.execPath, ['-e', SCRIBBLE, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void writing.kill('SIGKILL'));
  await once(writing.stdout, 'data');
  const scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  const [node] = (await scanner.scan()).added;
  if (node?.kind !== 'file') throw new Error('no file');
  const options = { scratch: tmpdir(), pace: createYielder() };
  await eventually(async () => {
    const copied = await copyDatabase(node, { ...options, acceptTorn: false });
    // On a busy machine its writer may have had no turn for so long.
    for (const { file } of copied.kind === 'copied' ? copied.files : []) closeSync(file.fd);
    return copied.kind === 'changing';
  });
  await eventually(async () => {
    const torn = await copyDatabase(node, { ...options, acceptTorn: true });
    if (torn.kind !== 'copied') throw new Error(torn.kind);
    for (const { file } of torn.files) closeSync(file.fd);
    expect(torn.files).toMatchObject([{ suffix: '', stat: { size: 2_000_000 } }]);
    return torn.isTorn;
  });
  writing.kill('SIGKILL');
  await once(writing, 'exit');
  const whole = await copyDatabase(node, { ...options, acceptTorn: true });
  if (whole.kind !== 'copied') throw new Error(whole.kind);
  expect(whole.isTorn).toBe(false);
  const copies = whole.files.map(({ file }) => Buffer.from(file.readInto(Buffer.alloc(file.stat.size), 0)));
  for (const { file } of whole.files) closeSync(file.fd);
  expect(copies).toEqual([await readFile(path)]);
});

/** Counts in the middle of a file whose times it sets back: only its bytes tell. */
const SCRIBBLE = `
  const { openSync, writeSync, futimesSync } = require('node:fs');
  const file = openSync(process.argv[1], 'r+');
  process.stdout.write('writing');
  for (let n = 0; ; n += 1) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(n);
    writeSync(file, bytes, 0, 8, 1_000_000);
    futimesSync(file, 1_700_000_000, 1_700_000_000);
  }
`;
