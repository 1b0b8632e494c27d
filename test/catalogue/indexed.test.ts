import { randomBytes } from 'node:crypto';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { findIsal } from '../../src/archive/isal-deflater.ts';
import { readIndexed } from '../../src/catalogue/indexed-archive.ts';
import { cat } from '../../src/cli/cat.ts';
import type { Codec } from '../../src/config/session-config.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { ArchivedEntry } from '../../src/unpack/read-tar.ts';
import { type Packed, packed } from '../archive/packing.ts';
import { growTree } from '../archive/trees.ts';
import { entriesOf } from '../unpack/unpacking.ts';
import { openFolder, putFiles, runCommand, savedSession } from './support.ts';

const NAME = '2026-11-22T11:00:00.000Z';
const SIGNAL = new AbortController().signal;

/** Packs a folder's `tree` into a session in its `sessions`, with its index. */
async function archived(folder: string, options: Parameters<typeof packed>[1] = {}): Promise<Packed> {
  const made = await packed(join(folder, 'tree'), options);
  const { archive, index, summary } = made;
  const facts = { key: `${NAME}/logs.tar.gz`, bytes: archive.length, sha256: summary.sha256 };
  const [[key, report] = ['', {}]] = Object.entries(savedSession(NAME, { archive: null }));
  await putFiles(join(folder, 'sessions'), { [key]: Object.assign({}, report, { archive: facts }) });
  await mkdir(join(folder, 'sessions', NAME));
  await writeFile(archiveIn(folder), archive);
  await writeFile(indexIn(folder), index);
  return made;
}

const archiveIn = (folder: string) => join(folder, 'sessions', NAME, 'logs.tar.gz');
const indexIn = (folder: string) => join(folder, 'sessions/.sessions', NAME, 'archive-index.jsonl.gz');

/** What is told of each entry, and its content where that is asked for. */
async function described(entries: AsyncIterable<ArchivedEntry>, isRead: (ordinal: number) => boolean) {
  const all = [];
  for await (const { content, path, target, ...rest } of entries) {
    const pieces = new Map<number, string>();
    if (isRead(all.length)) {
      let [at, end] = [0, -1];
      // Pieces come in other sizes where reading begins elsewhere.
      for await (const { offset, bytes } of content) {
        if (offset !== end) at = offset;
        pieces.set(at, (pieces.get(at) ?? '') + bytes.toString('latin1'));
        end = offset + bytes.length;
      }
    }
    const name = path.toString('latin1').replace(/\/$/, '');
    all.push({ ...rest, path: name, target: target?.toString('latin1'), pieces });
  }
  return all;
}

const CODECS: readonly [Codec, 'zlib' | 'isal'][] = [
  ['gzip', 'zlib'],
  ['gzip', 'isal'],
  ['zstd', 'zlib'],
  ['none', 'zlib'],
];

test.each(CODECS.filter(([, by]) => by === 'zlib' || findIsal() !== undefined))(
  'what an index tells is what the archive holds (%s, %s), whatever is read of it',
  async (codec, by) => {
    const folder = await openFolder();
    await mkdir(join(folder, 'tree'));
    growTree(join(folder, 'tree'), 7);
    await writeFile(join(folder, 'tree', 'sparse'), 'begin');
    await truncate(join(folder, 'tree', 'sparse'), 3_000_000);
    const isal = by === 'isal' ? findIsal() : undefined;
    const { archive, summary } = await archived(folder, { codec, isal });
    const key = `${NAME}/logs.tar.gz`;
    const store = openDirectoryStore(join(folder, 'sessions'));
    const entry = {
      archive: { key, bytes: archive.length, modifiedMs: 0 },
      report: { key: '', text: '', saved: 'archive', faults: 0, archive: { key, ...summary, bytes: 0 } },
      index: `.sessions/${NAME}/archive-index.jsonl.gz`,
    } as const;
    for (const isRead of [() => true, () => false, (n: number) => n % 3 === 0, (n: number) => n === 40]) {
      const found = (await readIndexed(store, entry, SIGNAL)) ?? [];
      expect(await described(found as AsyncGenerator<ArchivedEntry>, isRead)).toEqual(
        await described(entriesOf(archive), isRead),
      );
    }
    store.close();
  },
);

/** Two small files, a large one that no codec shrinks before each. */
async function withNoise() {
  const folder = await openFolder();
  const noise = randomBytes(12 << 20).toString('latin1');
  await putFiles(join(folder, 'tree'), { '1': noise, '2.log': 'two\n', '3': noise, '4.log': 'four\n' });
  return { folder, ...(await archived(folder)) };
}

test('cat reads only the blocks that a file is in: what is before and behind them may be anything', async () => {
  const { folder, archive } = await withNoise();
  const { blocks } = JSON.parse(
    gunzipSync(await readFile(indexIn(folder)))
      .toString()
      .split('\n')[0] ?? '',
  );
  // Both small files, whichever way the folder was walked.
  const printed = [];
  for (const name of ['2.log', '4.log'])
    printed.push(await runCommand(cat, folder, [`sessions/${NAME}`, name]));
  expect(printed.map(({ lines }) => lines)).toEqual([['two'], ['four']]);
  expect(blocks.length).toBeGreaterThan(10);
  await writeFile(archiveIn(folder), Buffer.concat([Buffer.alloc(blocks[3]), archive.subarray(blocks[3])]));
  const last = await lastSmall(folder);
  expect(await runCommand(cat, folder, [`sessions/${NAME}`, last])).toMatchObject({ code: 0, stderr: [] });
  const { code, stderr } = await runCommand(cat, folder, [`sessions/${NAME}`, '1']);
  expect({ code, stderr: stderr.join() }).toMatchObject({
    code: 22,
    stderr: expect.stringMatching(/does not decompress/),
  });
});

/** The small file that is further behind in the archive. */
async function lastSmall(folder: string): Promise<string> {
  const { lines } = await runCommand(cat, folder, [`sessions/${NAME}`]);
  return (
    lines
      .findLast(line => line.endsWith('.log'))
      ?.split(' ')
      .at(-1) ?? ''
  );
}

test.each([
  ['is cut off', (index: Buffer) => index.subarray(0, index.length - 30), /unexpected end/],
  ['is something else', () => Buffer.from('nothing\n'), /incorrect header/],
  [
    'is of another archive',
    (index: Buffer) => changed(index, /"sha256":"../, '"sha256":"zz'),
    /another archive/,
  ],
  ['is of a later format', (index: Buffer) => changed(index, '"format":1', '"format":2'), /another version/],
  ['is empty', () => Buffer.alloc(0), /unexpected end/],
])('an index that %s is told as that, and the archive is read from its beginning', async (_, change, why) => {
  const { folder, index } = await withNoise();
  await writeFile(indexIn(folder), change(index));
  const { code, lines, stderr } = await runCommand(cat, folder, [`sessions/${NAME}`, '2.log']);
  expect({ code, lines }).toEqual({ code: 0, lines: ['two'] });
  expect(stderr.join()).toMatch(/the index of its archive is of no use, .*from its beginning instead/);
  expect(stderr.join()).toMatch(why);
});

test('an index that leads elsewhere is told as damage, and prints nothing', async () => {
  const { folder, index } = await withNoise();
  await writeFile(indexIn(folder), changed(index, '"path":"2.log"', '"path":"4.log"'));
  const { code, lines, stderr } = await runCommand(cat, folder, [`sessions/${NAME}`, '*.log']);
  expect(code).toBe(22);
  expect(lines.join()).not.toContain('two');
  expect(stderr.join()).toMatch(/has something else where its index says/);
});

function changed(index: Buffer, what: string | RegExp, into: string): Buffer {
  return gzipSync(gunzipSync(index).toString().replace(what, into));
}
