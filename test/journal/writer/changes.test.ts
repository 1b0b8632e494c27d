import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyScan } from '../../../src/journal/writer/apply-scan.ts';
import { createFileIndex } from '../../../src/journal/writer/file-index.ts';
import { createScanner } from '../../../src/journal/writer/scanner.ts';
import { buildSegment, type SegmentContent } from '../../../src/journal/writer/segment-builder.ts';
import { openJournalFixture } from '../../support/journal.ts';
import { putSegments } from '../../support/segments.ts';

/** A journal step by step: what happens between a scan and the reading of what it has found. */
async function openSteps() {
  const { work, destination, recover } = await openJournalFixture();
  const scanner = createScanner({ root: work, include: [], exclude: [], excludedPaths: [] });
  const index = createFileIndex();
  const segments: SegmentContent[] = [];
  return {
    log: join(work, 'agent.log'),
    scan: async () => applyScan(index, await scanner.scan()),
    async build() {
      const arena = { bytes: Buffer.alloc(8 * 1024 * 1024), used: 0 };
      const onUnreadable = (path: string, why: string) => expect.unreachable(`${path}: ${why}`);
      const options = { sequence: segments.length + 1, rewriteIntervalMs: 0, arena, onUnreadable };
      const content = await buildSegment(index, { ...options, scratch: tmpdir() });
      if (content !== undefined) segments.push(content);
    },
    async recovered(): Promise<Record<string, string>> {
      await putSegments(destination, segments);
      const { folder } = await recover();
      const names = await readdir(folder);
      const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')));
      return Object.fromEntries(names.map((name, i) => [name, texts[i] ?? '']));
    },
  };
}

/** As who must not be seen with half a file does it. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

test('a file that is replaced before it is read for the first time is in the first segment', async () => {
  const { log, scan, build, recovered } = await openSteps();
  await writeFile(log, 'first');
  await scan();
  await replace(log, 'second');
  await build();
  expect(await recovered()).toEqual({ 'agent.log': 'second' });
});

test.for([
  ['is replaced once more', (log: string) => replace(log, 'third'), { 'agent.log': 'third' }],
  ['stays', async () => undefined, { 'agent.log': 'second' }],
  [
    'is moved away',
    (log: string) => rename(log, `${log}.2`),
    { 'agent.log.1': 'first', 'agent.log.2': 'second' },
  ],
] as const)(
  'a log that was rotated before it was read, and then %s, has its own content',
  async ([, next, expected]) => {
    const { log, scan, build, recovered } = await openSteps();
    await writeFile(log, 'first');
    await scan();
    await rename(log, `${log}.1`);
    await writeFile(log, 'second');
    await build();
    await next(log);
    for (let round = 0; round < 3; round += 1) {
      await scan();
      await build();
    }
    expect(await recovered()).toEqual({ 'agent.log.1': 'first', ...expected });
  },
);
