import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { putFence } from '../../src/journal/fences.ts';
import type { Store } from '../../src/store/store.ts';
import { about, openJournalFixture, patient } from '../support/journal.ts';
import { openScratchBase, recoverOnly } from '../support/recovery.ts';
import { piece, putSegments } from '../support/segments.ts';
import { filesBelow } from '../support/session.ts';

const LARGE = 6 * 1024 * 1024;
const LONG_AGO = new Date(1e12);
const SEGMENT = 'now/journal/00000001.tar.gz';

/** A journal of one large file, and a place to rebuild it. */
async function openLarge() {
  const ground = await openJournalFixture();
  const pieces = [piece('large.log', 'x'.repeat(LARGE))];
  await putSegments(ground.destination, [{ about: { ...about, codec: 'none' }, pieces }]);
  return { ...ground, scratch: await openScratchBase() };
}

/** A store that does something with the rebuilt file when so many chunks of its archive have come. */
function amidPacking(
  store: Store,
  scratch: string,
  chunks: number,
  harm: (file: string) => Promise<void>,
): Store {
  return {
    ...store,
    chunkBytes: () => 64 * 1024,
    store(key, packed, options) {
      async function* watched(): AsyncGenerator<Buffer> {
        let come = 0;
        const find = async () =>
          (await filesBelow(scratch)).find(file => file.endsWith('/workdir/large.log')) ?? 'nothing';
        if (chunks === 0) await harm(join(scratch, await find()));
        for await (const chunk of packed) {
          come += 1;
          if (come === chunks) await harm(join(scratch, await find()));
          yield chunk;
        }
      }
      return store.store(key, watched(), options);
    },
  };
}

describe('a rebuilt file that the disk gives back', () => {
  for (const [what, chunks, harm, told] of [
    ['in part', 1, (file: string) => truncate(file, LARGE / 2), /large\.log \(ended after \d+ of \d+ bytes/],
    ['shorter', 0, (file: string) => truncate(file, 7), /1 of 1 files are there, and 7 of \d+ bytes/],
    ['not at all', 0, rm, /0 of 1 files are there/],
  ] as const)
    test(`${what} is damage: it is told, and the journal stays`, async () => {
      const { destination, store, scratch } = await openLarge();
      const { code, lines } = await recoverOnly(amidPacking(destination, scratch, chunks, harm), { scratch });
      expect(code, lines.join('\n')).toBe(22);
      expect(lines.join('\n')).toMatch(told);
      expect(await filesBelow(store)).toContain(SEGMENT);
    });
});

test.for([
  ['a whole journal', 0],
  ['a damaged journal', 22],
] as const)(
  'what could not be packed of %s is packed by the next recovery, when it can be',
  async ([of, expected]) => {
    const { destination, store, scratch } = await openLarge();
    if (of === 'a damaged journal')
      await destination.put('now/journal/00000002.tar.gz', Buffer.alloc(10), { signal: patient });
    const failing = amidPacking(destination, scratch, 1, file => truncate(file, LARGE / 2));
    const first = await recoverOnly(failing, { scratch });
    expect([first.code, first.lines.join()]).toEqual([22, expect.stringContaining('could not be packed')]);
    const { code, lines } = await recoverOnly(destination, { scratch });
    expect(code, lines.join('\n')).toBe(expected);
    expect(lines).toContainEqual(expect.stringContaining(': recovered to '));
    expect(lines.join()).not.toContain('could not be packed');
    expect((await filesBelow(store)).includes(SEGMENT)).toBe(expected === 22);
  },
);

describe('a damaged journal that was mended at its size', () => {
  async function openMended(timeOf: 'now' | 'then') {
    const { destination, store } = await openJournalFixture();
    const pieces = ['one', 'two'].map((text, i) => [piece('a.log', text, { offset: 3 * i })]);
    await putSegments(
      destination,
      pieces.map(each => ({ pieces: each })),
    );
    const path = join(store, SEGMENT);
    const whole = await readFile(path);
    await writeFile(path, Buffer.alloc(whole.length));
    await utimes(path, LONG_AGO, LONG_AGO);
    const scratch = await openScratchBase();
    expect(await recoverOnly(destination, { scratch })).toMatchObject({ code: 22 });
    await writeFile(path, whole);
    if (timeOf === 'then') await utimes(path, LONG_AGO, LONG_AGO);
    return { destination, store, scratch };
  }

  async function expectWhole(store: string): Promise<void> {
    const archives = (await filesBelow(store)).filter(file => file.endsWith('logs.tar.gz'));
    const contents = archives.map(file =>
      promisify(execFile)('tar', ['xzOf', join(store, file)]).then(({ stdout }) => stdout),
    );
    expect(await Promise.all(contents)).toContain('onetwo');
    expect(await filesBelow(store)).not.toContain(SEGMENT);
  }

  test('is recovered', async () => {
    const { destination, store, scratch } = await openMended('now');
    const { code, lines } = await recoverOnly(destination, { scratch });
    expect(code, lines.join('\n')).toBe(0);
    await expectWhole(store);
  });

  test('is read again before it is discarded, although nothing tells that it was', async () => {
    const { destination, store, scratch } = await openMended('then');
    const options = { 'discard-damaged': true };
    const { code, lines } = await recoverOnly(destination, { scratch, options });
    expect(code, lines.join('\n')).toBe(0);
    await expectWhole(store);
  });
});

test('what stands beside its file is packed, although no glob of the session knows its name', async () => {
  const { destination, store } = await openJournalFixture();
  const pieces = [piece('a.log', 'earlier'), piece('a.log', 'later', { generation: 2 })];
  await putSegments(destination, [{ about: { ...about, include: ['*.log'] }, pieces }]);
  const { code, lines } = await recoverOnly(destination, { scratch: await openScratchBase() });
  expect(code, lines.join('\n')).toBe(0);
  const archive = join(store, 'now/logs.tar.gz');
  const { stdout } = await promisify(execFile)('tar', ['xzvOf', archive], { encoding: 'utf8' });
  expect(stdout).toContain('earlier');
  expect(stdout).toContain('later');
  expect(lines).toContainEqual(expect.stringContaining('beside the original'));
});

test('what is left of a journal whose session saves and deletes it just before it is taken is deleted as well', async () => {
  const { destination, store } = await openJournalFixture();
  const run = randomUUID();
  await putSegments(destination, [
    { run, pieces: [piece('a.log', 'one')] },
    { run, pieces: [piece('a.log', 'two', { offset: 3 })] },
  ]);
  const archive = Buffer.from('what the session has saved');
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const saved = { key: 'now/logs.tar.gz', bytes: archive.length, sha256, verified: true };
  const report = { format: 1, session: 'now', run, saved: 'archive', archive: { ...saved, url: 'file:///' } };
  const ending: Store = {
    ...destination,
    async put(key, ...how) {
      if (key === 'now/journal/00000003.tar.gz') {
        await destination.put('now/logs.tar.gz', archive, { signal: patient });
        await destination.put('now/session.json', Buffer.from(JSON.stringify(report)), { signal: patient });
        await destination.delete([SEGMENT], patient);
      }
      return destination.put(key, ...how);
    },
  };
  const { code, lines } = await recoverOnly(ending, { scratch: await openScratchBase() });
  expect(code, lines.join('\n')).toBe(0);
  expect(lines.join()).toContain('was saved already');
  expect(await filesBelow(store)).toEqual(['now/logs.tar.gz', 'now/session.json']);
});

test('no archive is made of a journal that another recovery takes and deletes while it is read', async () => {
  const { destination, store, scratch } = await openLarge();
  const fence = {
    by: randomUUID(),
    host: 'another',
    since: new Date().toISOString(),
    state: 'working',
    after: 1,
  } as const;
  const taken: Store = {
    ...destination,
    async get(key, ...how) {
      const isTakenBy = (number: number) => existsSync(join(store, `now/journal/0000000${number}.tar.gz`));
      if (key === SEGMENT && isTakenBy(2) && !isTakenBy(3)) {
        await putFence(destination, 'now/journal', 3, fence, patient);
        await destination.delete([SEGMENT], patient);
      }
      return destination.get(key, ...how);
    },
  };
  const { code, lines } = await recoverOnly(taken, { scratch });
  expect(code, lines.join('\n')).toBe(64);
  expect(lines.join()).toContain('is being recovered by another');
  expect(await filesBelow(store)).not.toContain('now/logs.tar.gz');
});
