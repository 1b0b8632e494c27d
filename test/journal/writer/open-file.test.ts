import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openFile } from '../../../src/journal/writer/open-file.ts';
import { PROGRAMS } from '../../support/built.ts';
import { eventually } from '../../support/eventually.ts';

const READS = 10_000;

test('a small file that is rewritten in place is read whole, or not at all', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'open-file-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'rewritten.txt');
  const writer = spawn(process.execPath, [join(PROGRAMS, 'child-rewrites.mjs'), file]);
  onTestFinished(async () => {
    writer.kill();
    await once(writer, 'exit');
  });
  await eventually(() => read(file) !== undefined);
  const mixed = [];
  for (let n = 0; n < READS; n += 1) {
    const { bytes = 0, content = Buffer.alloc(0) } = read(file) ?? {};
    if (content.length !== bytes || content.some(letter => letter !== content[0])) mixed.push(bytes);
  }
  expect(mixed).toEqual([]);
});

function read(path: string) {
  const file = openFile(path);
  if ('failed' in file) return undefined;
  const bytes = file.stat.size;
  const halves = [file.read(0, bytes >> 1), file.read(bytes >> 1, bytes)].map(half => Buffer.from(half));
  closeSync(file.fd);
  return { bytes, content: Buffer.concat(halves) };
}
