import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { appendFile, mkdir, open, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type PieceRecord, SEGMENT_BYTES, type SegmentIndex } from '../../../src/journal/format/schema.ts';
import { decodeNumbered } from '../../../src/journal/format/segment.ts';
import {
  BLOCK_BYTES,
  type KnownBlocks,
  rememberBlocks,
  startBlocks,
} from '../../../src/journal/writer/blocks.ts';
import { newGeneration } from '../../../src/journal/writer/generation.ts';
import { openFile } from '../../../src/journal/writer/open-file.ts';
import { readBlocks } from '../../../src/journal/writer/read-parts.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture, patient, segmentsIn, treeOf, unzipped } from '../../support/journal.ts';

const KIB = 1024;
const AT_ONCE = { intervalMs: 10, rewriteIntervalMs: 0 };

describe('a file that is rewritten in place', () => {
  test('is sent whole once, and from then on as the blocks that have changed', async () => {
    const { region, patch, sent } = await openRegion(300 * KIB);
    await patch(region, 5, 'first');
    await patch(region, 0, 'a');
    await patch(region, 7 * BLOCK_BYTES - 1, 'over the edge of two blocks');
    const contents = await sent('r.mca');
    expect(contents.map(pieces => pieces.map(({ offset, length }) => [offset, length]))).toEqual([
      [[0, 300 * KIB]],
      [[0, 300 * KIB]],
      [[0, BLOCK_BYTES]],
      [[6 * BLOCK_BYTES, 2 * BLOCK_BYTES]],
    ]);
    expect(contents.map(pieces => pieces[0]?.base)).toEqual([undefined, undefined, 2, 3]);
    expect(contents[3]?.[0]).toMatchObject({
      replaces: 3,
      whole: 300 * KIB,
      content: { bytes: 2 * BLOCK_BYTES },
    });
  });

  test('may be replaced, cut and appended to meanwhile', async () => {
    const { work, region, patch, sent, isRecovered } = await openRegion(300 * KIB + 100);
    await patch(region, 5, 'first');
    const next = Buffer.concat([await readFile(region), randomBytes(10_000)]);
    next.write('new', 100_000);
    await writeFile(join(work, 'next'), next);
    await rename(join(work, 'next'), region);
    await isRecovered();
    await truncate(region, 49 * BLOCK_BYTES);
    await isRecovered();
    await appendFile(region, 'one line\n');
    await isRecovered();
    await patch(region, 50_000, 'last');
    const contents = await sent('r.mca');
    const last = contents.at(-1) ?? [];
    // Where there was no whole block at the end of its base, the end is sent.
    expect(last.map(({ offset }) => Math.floor(offset / BLOCK_BYTES))).toEqual([12, 49]);
  });

  test('is sent whole when it is small, and whenever fifteen contents are made of another', {
    tags: ['slow'],
  }, async () => {
    const { region, work, patch, sent } = await openRegion(64 * KIB);
    await writeFile(join(work, 'small'), randomBytes(64 * KIB - 1));
    for (let i = 0; i < 18; i += 1) {
      await patch(region, 0, `content ${i}`);
      await patch(join(work, 'small'), 0, `content ${i}`);
    }
    expect((await sent('small')).every(([first]) => first?.base === undefined)).toBe(true);
    const contents = await sent('r.mca');
    const based = contents.map(([first]) => (first?.base === undefined ? '.' : 'b')).join('');
    expect(based).toBe(`..${'b'.repeat(15)}.b`);
  });

  test('needs no other content when all of its blocks have changed', { tags: ['slow'] }, async () => {
    const { region, patch, sent } = await openRegion(64 * KIB);
    for (let i = 0; i < 20; i += 1) await patch(region, 0, randomBytes(64 * KIB));
    const contents = await sent('r.mca');
    expect(contents.slice(2).every(pieces => pieces.length === 1 && pieces[0]?.base !== undefined)).toBe(
      true,
    );
  });

  test('comes in several segments when much of it has changed, and many blocks by themselves', {
    tags: ['slow'],
  }, async () => {
    const { work, store, region, patch, sent, isRecovered } = await openRegion(24 * KIB * KIB);
    await patch(region, 5, 'first');
    const content = await readFile(region);
    for (let at = 0; at < content.length; at += 2 * BLOCK_BYTES) content.write('changed', at);
    await writeFile(`${work}.next`, content);
    await rename(`${work}.next`, region);
    await isRecovered();
    const last = (await sent('r.mca')).at(-1) ?? [];
    expect(last.length).toBe(content.length / BLOCK_BYTES / 2);
    expect(last.filter(piece => piece.content !== undefined)).toEqual([last.at(-1)]);
    expect(last.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(SEGMENT_BYTES);
    for (const segment of await segmentsIn(join(store, 'now/journal'))) {
      expect((await unzipped(segment)).length).toBeLessThanOrEqual(SEGMENT_BYTES);
    }
  });

  test('leaves the plain name to contents that stand by themselves', async () => {
    const { work, store, region, patch, isRecovered } = await openRegion(100 * KIB);
    await patch(region, 5, 'first');
    const moved = join(work, 'moved.mca');
    await rename(region, moved);
    await patch(moved, 5, 'other');
    await appendFile(moved, 'and more');
    await isRecovered();
    const names = await Promise.all(
      (await segmentsIn(join(store, 'now/journal'))).map(segment =>
        execFileSync('tar', ['-tzf', segment], { encoding: 'utf8' }),
      ),
    );
    expect(names.join('')).toContain('moved.mca#');
    expect(names.join('')).not.toContain('moved.mca@');
  });

  test('is had with tar and dd alone', async () => {
    const { work, store, region, patch } = await openRegion(100 * KIB);
    await patch(region, 5, 'first');
    await patch(region, 50_000, 'second');
    const unpacked = join(store, 'unpacked');
    await mkdir(unpacked);
    for (const segment of await segmentsIn(join(store, 'now/journal'))) {
      execFileSync('tar', ['-xzf', segment, '-C', unpacked]);
    }
    const script = `
      cat 'r.mca#00000002@'* > r.mca
      for piece in 'r.mca#00000003@'*; do
        dd if="$piece" of=r.mca bs=4096 seek=$(expr "\${piece##*@}" / 4096) conv=notrunc status=none
      done
      truncate -s ${100 * KIB} r.mca`;
    execFileSync('sh', ['-c', script], { cwd: unpacked });
    expect((await readFile(join(unpacked, 'r.mca'))).equals(await readFile(join(work, 'r.mca')))).toBe(true);
  });

  test('needs room for both contents and the blocks', async () => {
    const { region, patch, indexes } = await openRegion(300 * KIB);
    await patch(region, 5, 'first');
    await patch(region, 50_000, 'second');
    const { space = 0 } = (await indexes()).at(-1) ?? {};
    expect(space).toBeGreaterThanOrEqual(600 * KIB + BLOCK_BYTES);
  });
});

test('a database is sent as the pages that have changed', async () => {
  const { work, store, start, recover } = await openJournalFixture();
  const db = new DatabaseSync(join(work, 'world.db'));
  onTestFinished(() => db.close());
  db.exec('CREATE TABLE block (id INTEGER PRIMARY KEY, data BLOB)');
  const insert = db.prepare('INSERT INTO block (data) VALUES (?)');
  for (let i = 0; i < 100; i += 1) insert.run(randomBytes(3000));
  const journal = start(AT_ONCE);
  for (let i = 1; i < 4; i += 1) {
    db.prepare('UPDATE block SET data = ? WHERE id = ?').run(randomBytes(3000), i * 20);
    await eventually(async () => {
      expect(treeOf((await recover()).folder)).toEqual(treeOf(work));
      return true;
    });
  }
  await journal.finish(patient);
  const contents = contentsOf(await indexesIn(store), 'world.db');
  const last = contents.at(-1) ?? [];
  expect(last[0]?.base).toBeDefined();
  expect(last.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(50_000);
  expect(treeOf((await recover()).folder)).toEqual(treeOf(work));
});

test('of a file that is cut while it is read whole blocks are taken', async () => {
  const { work } = await openJournalFixture();
  const path = join(work, 'r.mca');
  await writeFile(path, randomBytes(300 * KIB));
  const file = openFile(path);
  if ('failed' in file) throw new Error(file.failed);
  onTestFinished(() => closeSync(file.fd));
  const blocks = startBlocks(new Map(), 300 * KIB, { number: 1 });
  if (blocks === undefined) throw new Error('no blocks');
  const generation = newGeneration(2, file.stat, {
    completeSize: 300 * KIB,
    blocks,
    prefixVerified: false,
  });
  await truncate(path, 50_000);
  const arena = { bytes: Buffer.alloc(300 * KIB), used: 0 };
  const limits = { maxBytes: 300 * KIB, overheadBytes: 0, arena, pace: async () => undefined };
  const parts = await readBlocks({ ...limits, open: file }, generation, blocks, 300 * KIB);
  expect(parts.map(({ offset, body }) => [offset, body.length])).toEqual([[0, 12 * BLOCK_BYTES]]);
  expect(generation.end).toBe(12 * BLOCK_BYTES);
});

test('the hashes of blocks take no more than 8 MiB', () => {
  const known: KnownBlocks = new Map();
  for (let number = 1; number <= 70; number += 1) {
    const blocks = startBlocks(known, 64 * KIB * KIB, { number: number - 1 });
    if (blocks === undefined) throw new Error('no blocks');
    rememberBlocks(known, { number, end: 64 * KIB * KIB }, blocks);
  }
  expect([known.size, ...[...known.keys()].slice(0, 1)]).toEqual([64, 7]);
  expect(startBlocks(known, 64 * KIB * KIB + 1, { number: 70 })).toBeUndefined();
});

/** A journal of a folder with one file of noise. */
async function openRegion(bytes: number) {
  const fixture = await openJournalFixture();
  const { work, store, recover } = fixture;
  const region = join(work, 'r.mca');
  await writeFile(region, randomBytes(bytes));
  fixture.start(AT_ONCE);
  const isRecovered = () =>
    eventually(async () => {
      expect(treeOf((await recover()).folder)).toEqual(treeOf(work));
      return true;
    });
  await isRecovered();
  return {
    ...fixture,
    region,
    isRecovered,
    indexes: () => indexesIn(store),
    /** The pieces of each content of a file. */
    sent: async (path: string) => contentsOf(await indexesIn(store), path),
    /** Changes bytes in the middle of a file, and waits until they are in the journal. */
    async patch(file: string, offset: number, bytes: string | Buffer) {
      await using handle = await open(file, 'r+');
      await handle.write(Buffer.from(bytes), 0, undefined, offset);
      await isRecovered();
    },
  };
}

async function indexesIn(store: string): Promise<SegmentIndex[]> {
  const segments = await segmentsIn(join(store, 'now/journal'));
  const numbered = await Promise.all(segments.map(async path => decodeNumbered(await readFile(path))));
  return numbered.flatMap(read => ('segment' in read ? read.segment.index : []));
}

function contentsOf(indexes: readonly SegmentIndex[], path: string): PieceRecord[][] {
  const pieces = indexes.flatMap(index => index.pieces).filter(piece => piece.path === path);
  return [...Map.groupBy(pieces, piece => piece.generation).values()];
}
