import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar/header';
import { expect, test } from 'vitest';
import { staysInside } from '../../src/unpack/entry-path.ts';
import { packed } from '../archive/packing.ts';
import { growTree, temporaryFolder } from '../archive/trees.ts';
import { readWhole, unpackInto } from './unpacking.ts';

type Fields = ConstructorParameters<typeof Header>[0];

/** A tar of headers as somebody might write them, each with a content of its own. */
function tarOf(...entries: readonly [fields: Fields, content?: string][]): Buffer {
  const blocks = entries.flatMap(([fields, content = '']) => {
    const block = Buffer.alloc(512);
    const header = { type: 'File', mode: 0o644, mtime: new Date(0), size: content.length, ...fields };
    new Header(header as Fields).encode(block);
    return [block, Buffer.alloc(Math.ceil(content.length / 512) * 512, content.padEnd(512, '\0'))];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1_024)]);
}

test('what leads out of the folder is refused, and all else is unpacked', async () => {
  using scratch = temporaryFolder();
  const folder = join(scratch.path, 'inside', 'unpacked');
  mkdirSync(join(scratch.path, 'inside'));
  const tar = tarOf(
    [{ path: '../up' }, 'up'],
    [{ path: 'a/../../up' }, 'up'],
    [{ path: '/absolute' }, 'absolute'],
    [{ path: 'out', type: 'SymbolicLink', linkpath: '..' }],
    [{ path: 'out/through' }, 'through'],
    [{ path: 'here', type: 'SymbolicLink', linkpath: '.' }],
    [{ path: 'over', type: 'SymbolicLink', linkpath: 'here/..' }],
    [{ path: 'root', type: 'SymbolicLink', linkpath: '/etc' }],
    [{ path: 'hard', type: 'Link', linkpath: '../../../etc/passwd' }],
    [{ path: 'device', type: 'CharacterDevice' }],
    [{ path: 'pipe', type: 'FIFO' }],
    [{ path: './kept//file' }, 'kept'],
    [{ path: 'again', type: 'Link', linkpath: 'kept/file' }],
    [{ path: 'kept/up', type: 'SymbolicLink', linkpath: '../again' }],
  );
  const { refused } = await unpackInto(folder, tar);
  expect(refused.map(({ path, why }) => `${path} ${why}`)).toEqual([
    '../up leads out of the folder',
    'a/../../up leads out of the folder',
    '/absolute leads out of the folder',
    'hard is a hard link that leads out of the folder',
    'device is neither a file nor a folder nor a link',
    'pipe is neither a file nor a folder nor a link',
    expect.stringMatching(/^out /),
    'over is a link that leads out of the folder',
    'root is a link that leads out of the folder',
  ]);
  expect(readdirSync(join(scratch.path, 'inside'))).toEqual(['unpacked']);
  expect(readdirSync(scratch.path)).toEqual(['inside']);
  expect(readdirSync(folder).toSorted()).toEqual(['again', 'here', 'kept', 'out']);
  expect(lstatSync(join(folder, 'out')).isDirectory()).toBe(true);
  expect(readFileSync(join(folder, 'kept/up'), 'utf8')).toBe('kept');
});

test('the later one of two entries counts, and a file where a folder is belongs to what is refused', async () => {
  using scratch = temporaryFolder();
  const folder = join(scratch.path, 'unpacked');
  const tar = tarOf(
    [{ path: 'twice' }, 'first'],
    [{ path: 'twice' }, 'second'],
    [{ path: 'link' }, 'a file'],
    [{ path: 'link', type: 'SymbolicLink', linkpath: 'twice' }],
    [{ path: 'file', type: 'SymbolicLink', linkpath: 'twice' }],
    [{ path: 'file' }, 'no link'],
    [{ path: 'hard', type: 'Link', linkpath: 'twice' }],
    [{ path: 'hard' }, 'apart'],
    [{ path: 'folder/file' }, 'file'],
    [{ path: 'folder' }, 'no folder'],
    [{ path: 'twice/below' }, 'below a file'],
  );
  const { refused } = await unpackInto(folder, tar);
  expect(readFileSync(join(folder, 'twice'), 'utf8')).toBe('second');
  expect(readlinkSync(join(folder, 'link'))).toBe('twice');
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('no link');
  expect(readFileSync(join(folder, 'hard'), 'utf8')).toBe('apart');
  expect(refused.map(({ path }) => path.toString())).toEqual(['folder', 'twice/below']);
});

test('no program of an archive runs as somebody else', async () => {
  using scratch = temporaryFolder();
  const folder = join(scratch.path, 'unpacked');
  await unpackInto(folder, tarOf([{ path: 'setuid', mode: 0o6755 }, 'x']));
  expect(lstatSync(join(folder, 'setuid')).mode & 0o7777).toBe(0o755);
});

test.each([
  ['..', 1, true],
  ['../..', 1, false],
  ['../a/b', 1, true],
  ['a/..', 1, false],
  ['', 3, false],
  ['/', 3, false],
  ['./a//./b', 0, true],
])('a link to %s in %i folders: stays inside is %s', (target, depth, expected) => {
  expect(staysInside(Buffer.from(target), depth)).toBe(expected);
});

test('an archive that ends in the middle is damaged, wherever it ends', async () => {
  using scratch = temporaryFolder();
  growTree(scratch.path, 1);
  for (const codec of ['gzip', 'zstd', 'none'] as const) {
    const { archive } = await packed(scratch.path, { codec });
    await expect(readWhole(archive)).resolves.toBeGreaterThan(50);
    for (const end of [0, 1, 9, 511, 100_000, archive.length >> 1, archive.length - 9, archive.length - 1])
      await expect(readWhole(archive.subarray(0, end)), `${codec} ${end}`).rejects.toThrow(
        expect.objectContaining({ name: 'DamagedArchiveError' }),
      );
  }
});

test('an archive in which a byte is another one is damaged', { tags: ['slow'] }, async () => {
  using scratch = temporaryFolder();
  growTree(scratch.path, 1);
  for (const codec of ['gzip', 'zstd'] as const) {
    const { archive } = await packed(scratch.path, { codec });
    for (let at = 10; at < archive.length; at += Math.floor(archive.length / 40)) {
      const damaged = Buffer.from(archive);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      await expect(readWhole(damaged), `${codec} ${at}`).rejects.toThrow(
        expect.objectContaining({ name: 'DamagedArchiveError' }),
      );
    }
  }
});

test.each([
  ['no tar at all', gzipSync('a text, long enough to be a block. '.repeat(40)), 'no tar header'],
  ['a name of a gigabyte', tarOf([{ path: 'x', type: 'NextFileHasLongPath', size: 2 ** 30 }]), 'a name of'],
  [
    'pax records that are none',
    tarOf([{ path: 'x', type: 'ExtendedHeader' }, '99 path=x\n']),
    'a pax header',
  ],
  ['something behind its end', Buffer.concat([tarOf([{ path: 'x' }]), tarOf([{ path: 'y' }])]), 'goes on'],
  [
    'a sparse file with content behind its end',
    tarOf(
      [{ path: 'x', type: 'ExtendedHeader' }, sparseRecords(3)],
      [{ path: 'x', size: 517 }, `${'1\n9\n5\n'.padEnd(512, '\0')}12345`],
    ),
    'behind its end',
  ],
  [
    'a sparse file whose map has no end',
    tarOf(
      [{ path: 'x', type: 'ExtendedHeader' }, sparseRecords(3)],
      [{ path: 'x', size: 512 }, '1'.repeat(512)],
    ),
    'without the map',
  ],
])('%s is damage, and says what', async (_, archive, text) => {
  await expect(readWhole(archive)).rejects.toThrow(text);
});

test('a disk that is full is no fault of an entry', async () => {
  using scratch = temporaryFolder();
  const [folder, limit] = [join(scratch.path, 'unpacked'), 1_000];
  const script = `
    import { readFileSync } from 'node:fs';
    import { unpackInto } from '${join(import.meta.dirname, 'unpacking.ts')}';
    process.on('SIGXFSZ', () => {});
    await unpackInto(${JSON.stringify(folder)}, readFileSync(0)).catch(error => console.log(error.code));`;
  const archive = tarOf([{ path: 'large' }, 'x'.repeat(2_000_000)]);
  const command = `ulimit -f ${limit}; exec "$0" --input-type=module -e "$1"`;
  const { stdout } = spawnSync('sh', ['-c', command, process.execPath, script], { input: archive });
  expect(stdout.toString()).toBe('EFBIG\n');
});

/** What announces a sparse file. @param size of the file */
function sparseRecords(size: number): string {
  const record = (text: string) => `${text.length + 4} ${text}\n`;
  return [
    record('GNU.sparse.major=1'),
    record('GNU.sparse.minor=0'),
    record(`GNU.sparse.realsize=${size}`),
  ].join('');
}
