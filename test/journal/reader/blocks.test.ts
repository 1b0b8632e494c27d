import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PieceRecord } from '../../../src/journal/format/schema.ts';
import { checksum } from '../../../src/journal/format/segment.ts';
import { followFile } from '../../../src/journal/reader/tail.ts';
import { openJournalFixture, patient, treeOf } from '../../support/journal.ts';
import { type Changes, piece, putSegments } from '../../support/segments.ts';

/** A piece of `r.mca`, which takes the rest of its bytes from another generation. */
function block(offset: number, content: string, record: Partial<PieceRecord> = {}) {
  return piece('r.mca', content, { generation: 2, base: 1, replaces: 1, whole: 12, offset, ...record });
}

/** What the last piece says. */
function made(whole: string, bytes: number) {
  return { whole: whole.length, content: { bytes, crc32: checksum([Buffer.from(whole)]) } };
}

const FIRST: Changes = { format: 2, pieces: [piece('r.mca', 'aaaabbbbcccc')] };
const SECOND: readonly Changes[] = [
  { format: 2, pieces: [block(0, 'AAAA')] },
  { format: 2, pieces: [block(8, 'CCCC', made('AAAAbbbbCCCC', 8))] },
];

/** What is recovered, each file with its content. */
async function recovered(segments: readonly Changes[], lost?: number) {
  const { store, destination, recover } = await openJournalFixture();
  await putSegments(destination, segments);
  if (lost !== undefined) await rm(join(store, `now/journal/0000000${lost}.tar.gz`));
  const { folder, superseded, displaced } = await recover();
  const names = Object.keys(treeOf(folder));
  const contents = names.map(async name => [name, await readFile(join(folder, name), 'utf8')]);
  return {
    files: Object.fromEntries(await Promise.all(contents)),
    superseded,
    displaced: displaced.map(({ path }) => path),
  };
}

const asItWas = { files: { 'r.mca': 'aaaabbbbcccc' }, superseded: ['r.mca'], displaced: [] };

describe('a content that is made of another and of the blocks that differ', () => {
  test.each<[string, string, readonly Changes[]]>([
    ['counts with its last piece', 'AAAAbbbbCCCC', [FIRST, ...SECOND]],
    [
      'may end as its base does',
      'AAAAbbbbcccc',
      [FIRST, { format: 2, pieces: [block(0, 'AAAA'), block(12, '', made('AAAAbbbbcccc', 4))] }],
    ],
    ['may be shorter', 'aaaab', [FIRST, { format: 2, pieces: [block(5, '', made('aaaab', 0))] }]],
    [
      'may be longer, and grow',
      'aaaabbbbccccdddd\n',
      [
        FIRST,
        { format: 2, pieces: [block(12, 'dddd', made('aaaabbbbccccdddd', 4))] },
        { format: 2, pieces: [piece('r.mca', '\n', { generation: 2, offset: 16 })] },
      ],
    ],
    [
      'may be the base of the next one',
      'AAAABBBBCCCC',
      [
        FIRST,
        ...SECOND,
        {
          format: 2,
          pieces: [block(4, 'BBBB', { generation: 3, base: 2, replaces: 2, ...made('AAAABBBBCCCC', 4) })],
        },
      ],
    ],
  ])('%s', async (_, content, segments) => {
    expect(await recovered(segments)).toEqual({ files: { 'r.mca': content }, superseded: [], displaced: [] });
  });

  test('a database counts when each of its files does', async () => {
    const set = (generations: number[], replaces: number[]) => ({ set: { generations, replaces } });
    const db = (content: string, offset: number, record: Partial<PieceRecord>) =>
      piece('world.db', content, { offset, ...record });
    const second = { generation: 2, base: 1, ...set([2, 3], [1]) };
    const segments = [
      { format: 2, pieces: [db('aaaabbbb', 0, { whole: 8, ...set([1], []) })] },
      { format: 2, pieces: [db('BBBB', 4, { ...second, ...made('aaaaBBBB', 4) })] },
      { format: 2, pieces: [piece('world.db-wal', 'log', { generation: 3, whole: 3, ...set([2, 3], [1]) })] },
    ] as const;
    expect((await recovered(segments.slice(0, 2))).files).toEqual({ 'world.db': 'aaaabbbb' });
    expect((await recovered(segments)).files).toEqual({ 'world.db': 'aaaaBBBB', 'world.db-wal': 'log' });
  });
});

describe('blocks that make no content', () => {
  test('a piece is missing: the file stays as it was', async () => {
    expect(await recovered([FIRST, ...SECOND], 2)).toEqual(asItWas);
    expect(await recovered([FIRST, ...SECOND], 3)).toEqual(asItWas);
  });

  test('a piece is missing, and the checksum is right by chance', async () => {
    const [was, lost] = ['wlkffsvo', 'okxxbftd'];
    const segments: Changes[] = [
      { format: 2, pieces: [piece('r.mca', `${was}cccc`)] },
      { format: 2, pieces: [block(0, lost)] },
      { format: 2, pieces: [block(8, 'CCCC', made(`${lost}CCCC`, 12))] },
    ];
    expect(made(`${lost}CCCC`, 12)).toEqual(made(`${was}CCCC`, 12));
    expect(await recovered(segments, 2)).toEqual({ ...asItWas, files: { 'r.mca': `${was}cccc` } });
  });

  test('they are not those that the whole was made of', async () => {
    const wrong = { whole: 12, content: { bytes: 4, crc32: '00000000' } };
    expect(await recovered([FIRST, { format: 2, pieces: [block(0, 'AAAA', wrong)] }])).toEqual(asItWas);
  });

  test('the base is missing, or was dropped: they are written beside the file, and no byte is invented', async () => {
    const beside = {
      files: {
        'r.mca#00000002@00000000000000000000': 'AAAA',
        'r.mca#00000002@00000000000000000008': 'CCCC',
      },
      superseded: ['r.mca'],
      displaced: ['r.mca#00000002@00000000000000000000', 'r.mca#00000002@00000000000000000008'],
    };
    expect(await recovered([FIRST, ...SECOND], 1)).toEqual(beside);
    const removed = { generations: [1], paths: [] };
    expect(await recovered([FIRST, { format: 2, removed }, ...SECOND])).toEqual(beside);
  });

  test('the base is not whole', async () => {
    const half = piece('r.mca', 'xxxx', { generation: 2, whole: 8, replaces: 1 });
    const onHalf = { generation: 3, base: 2, replaces: 2, ...made('xxxxyyyy', 4) };
    expect(
      await recovered([
        FIRST,
        { format: 2, pieces: [half] },
        { format: 2, pieces: [block(4, 'yyyy', onHalf)] },
      ]),
    ).toEqual(asItWas);
  });

  test('without a base they are enough when they are all', async () => {
    const all = { format: 2, pieces: [block(0, 'AAAABBBBCCCC', made('AAAABBBBCCCC', 12))] } as const;
    expect((await recovered([FIRST, all], 1)).files).toEqual({ 'r.mca': 'AAAABBBBCCCC' });
  });

  test('what is made of them does not count either, until a content stands by itself', async () => {
    const third = { generation: 3, base: 2, replaces: 2, ...made('AAAABBBBCCCC', 4) };
    const chain: Changes[] = [FIRST, ...SECOND, { format: 2, pieces: [block(4, 'BBBB', third)] }];
    expect(await recovered(chain, 2)).toEqual(asItWas);
    chain.push({ format: 2, pieces: [piece('r.mca', 'new', { generation: 4, replaces: 3, whole: 3 })] });
    expect(await recovered(chain, 2)).toEqual({ files: { 'r.mca': 'new' }, superseded: [], displaced: [] });
  });

  test('a size that the base does not give is not believed', { timeout: 5000 }, async () => {
    const huge = { whole: 2 ** 45, content: { bytes: 4, crc32: '00000000' } };
    expect(await recovered([FIRST, { format: 2, pieces: [block(0, 'AAAA', huge)] }])).toEqual(asItWas);
    const outside = { content: { bytes: 4, crc32: checksum([Buffer.from('aaaabbbbcccc')]) } };
    expect(await recovered([FIRST, { format: 2, pieces: [block(2 ** 45, 'AAAA', outside)] }])).toEqual(
      asItWas,
    );
  });
});

test('a file is followed by its blocks', async () => {
  const { destination } = await openJournalFixture();
  const last = {
    format: 2,
    pieces: [block(4, 'BBBB', { generation: 3, base: 2, ...made('AAAABBBBCCCC', 4) })],
  };
  const appended = { format: 2, pieces: [piece('r.mca', '\n', { generation: 3, offset: 12 })] };
  await putSegments(destination, [FIRST, ...SECOND, last, appended] as Changes[]);
  let seen = '';
  const options = { destination, prefix: 'now/journal', path: 'r.mca', follow: false, signal: patient };
  for await (const part of followFile(options)) {
    if (part.kind === 'bytes') seen += part.bytes.toString();
    else seen += part.kind === 'as-before' ? `<${part.bytes}>` : `<${part.kind}>`;
  }
  expect(seen).toBe('aaaabbbbcccc<anew>AAAA<4>CCCC<anew><4>BBBB<4>\n');
});
