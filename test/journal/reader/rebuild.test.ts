import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { encodeTarHeader } from '../../../src/files/tar.ts';
import { segmentKey } from '../../../src/journal/format/schema.ts';
import { recoverJournal } from '../../../src/journal/reader/rebuild.ts';
import type { Store } from '../../../src/store/store.ts';
import { openJournalFixture, patient, treeOf } from '../../support/journal.ts';
import { type Changes, piece, putSegments, segment } from '../../support/segments.ts';

/** Three segments: a log that grows by a line in each, and a file of its own in each. */
const THREE: readonly Changes[] = [
  { pieces: [piece('agent.log', 'one\n'), piece('a', 'A', { generation: 2 })] },
  { pieces: [piece('agent.log', 'two\n', { offset: 4 }), piece('b', 'B', { generation: 3 })] },
  { pieces: [piece('agent.log', 'three\n', { offset: 8 }), piece('c', 'C', { generation: 4 })] },
];

describe('segments that are not as they should be', () => {
  test('a missing one is named, and all before and beside it is saved', async () => {
    const { store, destination, recover } = await openJournalFixture();
    await putSegments(destination, THREE);
    await rm(join(store, 'now/journal/00000002.tar.gz'));
    const recovered = await recover();
    expect(recovered.problems).toEqual([{ segment: '00000002.tar.gz', why: 'it is missing' }]);
    expect(Object.keys(treeOf(recovered.folder))).toEqual([
      'a',
      'agent.log',
      'agent.log#00000001@00000000000000000008',
      'c',
    ]);
    expect(await readFile(join(recovered.folder, 'agent.log'), 'utf8')).toBe('one\n');
    expect(recovered.displaced).toEqual([
      { path: 'agent.log#00000001@00000000000000000008', of: 'agent.log', bytes: 6 },
    ]);
    expect(recovered.truncated).toEqual([{ path: 'agent.log', missingBytes: 10 }]);
    expect(recovered.isFinished).toBe(false);
  });

  test('a byte that was changed anywhere in one never goes unnoticed', { tags: ['slow'] }, async () => {
    const { destination, recover } = await openJournalFixture();
    const [, second] = await putSegments(destination, THREE);
    if (second === undefined) throw new Error('no second segment');
    for (let at = 0; at < second.length; at += 7) {
      const damaged = Buffer.from(second);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
      await destination.put('now/journal/00000002.tar.gz', damaged, { signal: patient });
      const { problems, folder } = await recover();
      expect(problems.length, `byte ${at}`).toBeGreaterThan(0);
      expect('one\ntwo\nthree\n').toContain(await readFile(join(folder, 'agent.log'), 'utf8'));
    }
  });

  test.for([
    ['is read again', 'there', []],
    [
      'is doubted where it is gone by then',
      'gone',
      [{ segment: segmentKey(3), why: '00000002.tar.gz is not as it was when this one was made' }],
    ],
  ] as const)('one of which a byte that nothing checks changed on its way %s', async ([, again, told]) => {
    const { work, destination } = await openJournalFixture();
    await putSegments(destination, THREE);
    let reads = 0;
    const get: Store['get'] = async (key, options) => {
      const body = await destination.get(key, options);
      // The first time it is asked how much room is needed.
      if (!key.endsWith('00000002.tar.gz')) return body;
      reads += 1;
      if (reads > 2 && again === 'gone') return undefined;
      const isWrong = reads === 2;
      return body === undefined || !isWrong ? body : { ...body, [Symbol.asyncIterator]: () => changed(body) };
    };
    async function* changed(body: AsyncIterable<Buffer>) {
      for await (const bytes of body) {
        const sent = Buffer.from(bytes);
        // The time in the head of its gzip.
        sent.writeUInt8(sent.readUInt8(5) ^ 0x10, 5);
        yield sent;
      }
    }
    const options = { destination: { ...destination, get }, prefix: 'now/journal', signal: patient };
    const { problems } = await recoverJournal({ ...options, folder: `${work}.recovered` });
    await rm(`${work}.recovered`, { recursive: true });
    expect(problems).toEqual(told);
    expect(reads).toBeGreaterThan(2);
  });

  test.for([
    [{ offset: 0, length: 3 }],
    [{ offset: 12, length: 9 }],
    [
      { offset: 8, length: 2 },
      { offset: 4, length: 2 },
    ],
  ])('one whose entry has not the bytes between its holes is damaged: %j', async holes => {
    const { destination, recover } = await openJournalFixture();
    await putSegments(destination, [{ pieces: [piece('map', 'data', { offset: 4, length: 10, holes })] }]);
    expect((await recover()).problems).toEqual([
      { segment: segmentKey(1), why: expect.stringMatching(/^it is damaged: /) },
    ]);
  });

  test('one that was cut off is damaged', async () => {
    const { destination, recover } = await openJournalFixture();
    const [, second] = await putSegments(destination, THREE);
    for (const bytes of [0, 10, 100, (second?.length ?? 0) - 1]) {
      const cut = second?.subarray(0, bytes) ?? Buffer.alloc(0);
      await destination.put('now/journal/00000002.tar.gz', cut, { signal: patient });
      const { problems } = await recover();
      expect(problems[0]).toMatchObject({
        segment: '00000002.tar.gz',
        why: expect.stringMatching(/^it is damaged/),
      });
    }
  });

  test('two that were swapped, and one of another run, are left out', async () => {
    const { store, destination, recover } = await openJournalFixture();
    await putSegments(destination, THREE);
    const at = (sequence: number) => join(store, 'now/journal', segmentKey(sequence));
    await rename(at(2), `${at(2)}.aside`);
    await rename(at(3), at(2));
    await rename(`${at(2)}.aside`, at(3));
    const swapped = await recover();
    expect(swapped.problems.map(({ why }) => why)).toEqual([
      'it is number 3, under another name',
      'it is number 2, under another name',
    ]);
    const foreign = await segment(2, {
      run: '9b2c1f6e-3f57-4f0e-9a43-0d5f0c2a1b77',
      pieces: [piece('evil', 'x')],
    });
    await writeFile(at(2), foreign);
    const { problems, folder } = await recover();
    expect(problems[0]).toEqual({ segment: '00000002.tar.gz', why: 'it is of another run' });
    expect(Object.keys(treeOf(folder))).toEqual(['a', 'agent.log']);
  });

  test('one that unpacks to more than any segment is refused before it fills the memory', {
    tags: ['slow'],
  }, async () => {
    const { destination, recover } = await openJournalFixture();
    await putSegments(destination, THREE);
    const bomb = gzipSync(Buffer.alloc(200_000_000));
    await destination.put('now/journal/00000002.tar.gz', bomb, { signal: patient });
    expect((await recover()).problems[0]?.segment).toBe('00000002.tar.gz');
  });

  test('one whose bytes are not those of its index is damaged', async () => {
    const { destination, recover } = await openJournalFixture();
    await putSegments(destination, [
      ...THREE,
      { pieces: [piece('agent.log', 'four\n', { offset: 14, crc32: '00000000' })] },
    ]);
    const { problems, folder } = await recover();
    expect(problems).toEqual([
      {
        segment: '00000004.tar.gz',
        why: 'it is damaged: the bytes of entry 1 are not those of journal.json',
      },
    ]);
    expect(await readFile(join(folder, 'agent.log'), 'utf8')).toBe('one\ntwo\nthree\n');
  });

  test('pieces that contradict each other change nothing that is safe', async () => {
    const { destination, recover } = await openJournalFixture();
    await putSegments(destination, [...THREE, { pieces: [piece('agent.log', 'ONE', { offset: 1 })] }]);
    const { problems, folder } = await recover();
    expect(problems).toEqual([
      { segment: '00000004.tar.gz', why: 'it contradicts what came before it of agent.log' },
    ]);
    expect(await readFile(join(folder, 'agent.log'), 'utf8')).toBe('one\ntwo\nthree\n');
  });
});

describe('a journal that wants to write elsewhere', () => {
  test.each(['../evil', '/tmp/evil', 'a/../../evil', 'a//b', '.', 'a/./b', '', 'a\0b', `${'x'.repeat(256)}`])(
    'a path like %j makes its segment a damaged one',
    async path => {
      const { destination, recover, store } = await openJournalFixture();
      await putSegments(destination, [
        { pieces: [piece('good', 'g')] },
        { pieces: [piece(path, 'evil', { generation: 2 })] },
      ]);
      const { problems, folder } = await recover();
      expect(problems).toHaveLength(1);
      expect(Object.keys(treeOf(folder))).toEqual(['good']);
      await expect(stat(join(store, '../evil'))).rejects.toThrow('ENOENT');
    },
  );

  test('a file below a link does not go where the link leads', async () => {
    const { destination, recover, store } = await openJournalFixture();
    const outside = join(store, 'outside');
    await mkdir(outside, { recursive: true });
    await putSegments(destination, [
      {
        links: [{ path: 'way', target: outside }],
        pieces: [piece('way/evil', 'x'), piece('link', 'y', { generation: 2 })],
      },
      { links: [{ path: 'link', target: outside }] },
    ]);
    const { folder, missing } = await recover();
    expect(treeOf(outside)).toEqual({});
    expect(Object.keys(treeOf(folder)).sort()).toEqual(['link', 'way', 'way/evil']);
    expect(missing.sort()).toEqual(['link', 'way']);
  });

  test('a file where a folder must be is put beside it', async () => {
    const { destination, recover } = await openJournalFixture();
    await putSegments(destination, [
      { pieces: [piece('a', 'file'), piece('a/b', 'below it', { generation: 2 })] },
    ]);
    const { folder } = await recover();
    expect(Object.keys(treeOf(folder)).sort()).toEqual(['a', 'a#00000001@00000000000000000000', 'a/b']);
  });

  test('an entry that is no plain file makes its segment a damaged one', async () => {
    const { destination, recover } = await openJournalFixture();
    await putSegments(destination, THREE.slice(0, 1));
    const link = encodeTarHeader({
      type: 'link',
      path: Buffer.from('journal.json'),
      target: Buffer.from('/etc/passwd'),
      size: 0,
      mode: 0o777,
      mtimeMs: 0,
    });
    const object = gzipSync(Buffer.concat([link, Buffer.alloc(1024)]));
    await destination.put('now/journal/00000002.tar.gz', object, { signal: patient });
    expect((await recover()).problems[0]?.why).toMatch(/type "2"/);
  });
});

describe('contents that are not whole', () => {
  test('a new content counts when all of it is there, and not before', async () => {
    const { destination, recover } = await openJournalFixture();
    const half = { generation: 2, whole: 8, replaces: 1, size: 8 };
    await putSegments(destination, [
      { pieces: [piece('r.mca', 'oldold')] },
      { pieces: [piece('r.mca', 'newn', half)] },
    ]);
    const before = await recover();
    expect(await readFile(join(before.folder, 'r.mca'), 'utf8')).toBe('oldold');
    expect(before.superseded).toEqual(['r.mca']);
    await putSegments(destination, [
      { pieces: [piece('r.mca', 'oldold')] },
      { pieces: [piece('r.mca', 'newn', half)] },
      { pieces: [piece('r.mca', 'ewne', { ...half, offset: 4, torn: true })] },
    ]);
    const after = await recover();
    expect(treeOf(after.folder)['r.mca']).toBeDefined();
    expect(await readFile(join(after.folder, 'r.mca'), 'utf8')).toBe('newnewne');
    expect(after).toMatchObject({ superseded: [], changedWhileRead: ['r.mca'], displaced: [] });
  });

  test('the files of a database count together, when each is whole', async () => {
    const { store, destination, recover } = await openJournalFixture();
    const first = { generations: [1, 2], replaces: [] };
    const second = { generations: [3, 4, 2], replaces: [1] };
    await putSegments(destination, [
      { pieces: [piece('world.db', 'one', { set: first, whole: 3 })] },
      { pieces: [piece('world.db-wal', 'log', { generation: 2, set: first, whole: 3 })] },
      {
        pieces: [
          piece('world.db-journal', 'pages', { generation: 4, set: second, whole: 5 }),
          piece('world.db', 'tw', { generation: 3, set: second, whole: 3 }),
        ],
      },
      { pieces: [piece('world.db', 'o', { generation: 3, offset: 2, set: second, whole: 3 })] },
    ]);
    const recoverFirst = async (segments: number) => {
      await rm(join(store, `now/journal/0000000${segments + 1}.tar.gz`), { force: true });
      const { folder, superseded } = await recover();
      const names = Object.keys(treeOf(folder));
      return {
        superseded,
        files: await Promise.all(names.map(name => readFile(join(folder, name), 'utf8'))),
      };
    };
    expect(await recoverFirst(4)).toEqual({ superseded: [], files: ['two', 'pages', 'log'] });
    expect(await recoverFirst(3)).toEqual({
      superseded: ['world.db-journal', 'world.db'],
      files: ['one', 'log'],
    });
    expect(await recoverFirst(2)).toEqual({ superseded: [], files: ['one', 'log'] });
    // Nothing else is left of it.
    expect(await recoverFirst(1)).toEqual({ superseded: ['world.db'], files: ['one'] });
  });

  test('after a gap no journal of an earlier content comes to a database', async () => {
    const { store, destination, recover } = await openJournalFixture();
    const [first, second] = [
      { generations: [1, 2], replaces: [] },
      { generations: [3], replaces: [1, 2] },
    ];
    const third = { generations: [4], replaces: [3] };
    await putSegments(destination, [
      {
        pieces: [
          piece('world.db', 'one', { set: first, whole: 3 }),
          piece('world.db-journal', 'pages', { generation: 2, set: first, whole: 5 }),
        ],
      },
      { pieces: [piece('world.db', 'two', { generation: 3, set: second, whole: 3 })] },
      { pieces: [piece('world.db', 'three', { generation: 4, set: third, whole: 5 })] },
    ]);
    await rm(join(store, 'now/journal/00000002.tar.gz'));
    const { folder } = await recover();
    expect(await readFile(join(folder, 'world.db'), 'utf8')).toBe('three');
    expect(Object.keys(treeOf(folder))).not.toContain('world.db-journal');
  });

  test('gives files their times, before 1970 as well', async () => {
    const { destination, recover } = await openJournalFixture();
    const at = (path: string, generation: number, mtimeMs: number) =>
      piece(path, path, { generation, mtimeMs });
    await putSegments(destination, [
      { pieces: [at('old', 1, -86_400_001), at('new', 2, 1_700_000_000_001)] },
    ]);
    const { folder } = await recover();
    expect((await stat(join(folder, 'old'))).mtime.getTime()).toBe(-86_400_001);
    expect((await stat(join(folder, 'new'))).mtime.getTime()).toBe(1_700_000_000_001);
  });

  test('tells by how much a file was ahead of its journal', async () => {
    const { destination, recover } = await openJournalFixture();
    await putSegments(destination, [{ pieces: [piece('agent.log', 'begun', { size: 500 })] }]);
    expect((await recover()).truncated).toEqual([{ path: 'agent.log', missingBytes: 495 }]);
  });
});

describe('recovering', () => {
  test('can be interrupted at any point and run again', async () => {
    const { store, destination } = await openJournalFixture();
    await putSegments(destination, THREE);
    const folder = join(store, '../recovered');
    for (const stopAt of [0, 1, 2, 3]) {
      const stop = new AbortController();
      if (stopAt === 0) stop.abort(new Error('stopped'));
      const onProgress = (segments: number) => {
        if (segments === stopAt) stop.abort(new Error('stopped'));
      };
      const recovering = recoverJournal({
        destination,
        prefix: 'now/journal',
        folder,
        signal: stop.signal,
        onProgress,
      });
      if (stopAt < 3) await expect(recovering).rejects.toThrow('stopped');
      else await recovering;
    }
    await expect(
      recoverJournal({ destination, prefix: 'now/journal', folder, signal: patient }),
    ).rejects.toThrow('is not empty');
    expect(await readFile(join(folder, 'agent.log'), 'utf8')).toBe('one\ntwo\nthree\n');
    await expect(stat(`${folder}.part`)).rejects.toThrow('ENOENT');
  });

  test('a destination that cannot be read is no damaged segment', async () => {
    const { store, destination } = await openJournalFixture();
    await putSegments(destination, THREE);
    const cut = {
      ...destination,
      get: (key: string, signal: AbortSignal) =>
        key.endsWith('2.tar.gz') ? Promise.reject(new Error('ECONNRESET')) : destination.get(key, signal),
    };
    const folder = join(store, '../recovered');
    await expect(
      recoverJournal({ destination: cut, prefix: 'now/journal', folder, signal: patient }),
    ).rejects.toThrow('could not read now/journal/00000002.tar.gz');
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  test('says how much room it needs where there is not enough', async () => {
    const { destination, recover } = await openJournalFixture();
    await putSegments(destination, [{ space: 2 ** 52 }]);
    await expect(recover()).rejects.toThrow(/needs 4096 TiB for the files/);
  });

  test('says so when there is no journal', async () => {
    const { recover } = await openJournalFixture();
    await expect(recover()).rejects.toThrow('no journal at file://');
  });
});
