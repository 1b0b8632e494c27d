import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  copyAtomically,
  FileExistsError,
  writeAtomically,
  writeAtomicallySync,
} from '../../src/files/atomic-write.ts';
import { realFs, watchCalls } from '../support/file-calls.ts';

let folder: string;
let file: string;
let victim: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-'));
  file = join(folder, 'file');
  victim = join(folder, 'victim');
  await writeFile(victim, 'untouched');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const content = Buffer.from('content');

const WRITERS: readonly [string, () => Promise<unknown>][] = [
  ['writeAtomically', () => writeAtomically(file, [content], { replace: true })],
  ['writeAtomicallySync', async () => writeAtomicallySync(file, content)],
  ['copyAtomically', copyContent],
];

async function copyContent(): Promise<void> {
  await writeFile(join(folder, 'original'), content, { mode: 0o400 });
  await copyAtomically(join(folder, 'original'), file);
  await rm(join(folder, 'original'));
}

describe.each(WRITERS)('%s', (_, write) => {
  test('makes a file, and replaces one', async () => {
    for (const before of [undefined, 'before']) {
      if (before !== undefined) await writeFile(file, before);
      await write();
      expect(await readFile(file)).toEqual(content);
    }
    expect((await readdir(folder)).sort()).toEqual(['file', 'victim']);
  });

  test.each([
    ['link to another file', () => symlink(victim, `${file}.part`)],
    ['link that leads nowhere', () => symlink(join(folder, 'nowhere'), `${file}.part`)],
    ['second name of another file', () => link(victim, `${file}.part`)],
    ['half a file', () => writeFile(`${file}.part`, 'half')],
  ])('writes nothing through what lies where its part comes: a %s', async (_, make) => {
    await make();
    await write();
    expect(await readFile(file)).toEqual(content);
    expect((await stat(file)).nlink).toBe(1);
    expect(await readFile(victim, 'utf8')).toBe('untouched');
    expect((await readdir(folder)).sort()).toEqual(['file', 'victim']);
  });

  test('replaces a link, and not what it leads to', async () => {
    await symlink(victim, file);
    await write();
    expect(await readFile(victim, 'utf8')).toBe('untouched');
    expect(await readFile(file)).toEqual(content);
  });

  test('leaves no part behind where it cannot put it in its place', async () => {
    await mkdir(join(file, 'full'), { recursive: true });
    await expect(write()).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(await readdir(folder)).not.toContain('file.part');
  });
});

test('a file is not replaced where that is not asked for, nor a link that leads nowhere', async () => {
  const write = () => writeAtomically(file, [content], { replace: false, mode: 0o600 });
  await write();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await expect(write()).rejects.toThrow(FileExistsError);
  await rm(file);
  await symlink(join(folder, 'nowhere'), file);
  await expect(write()).rejects.toThrow(FileExistsError);
  expect((await readdir(folder)).sort()).toEqual(['file', 'victim']);
});

test('what another writer has half written is not taken for what was to be written', async () => {
  const part = `${file}.part`;
  const stop = watchCalls(folder, {
    before({ kind }) {
      if (kind !== 'link') return;
      realFs.rmSync(part);
      realFs.writeFileSync(part, 'half');
    },
  });
  onTestFinished(stop);
  await expect(writeAtomically(file, [content], { replace: false })).rejects.toThrow(FileExistsError);
  expect(await readFile(file, 'utf8')).toBe('half');
});

test('mode and times are those that are given', async () => {
  const times = { atime: new Date(1_000), mtime: new Date(2_000) };
  writeAtomicallySync(file, content, { mode: 0o700, times });
  await chmod(victim, 0o400);
  await copyAtomically(victim, `${file}.copy`, { mode: 0o600, times });
  expect((await stat(file)).mode & 0o777).toBe(0o700);
  expect((await stat(`${file}.copy`)).mode & 0o777).toBe(0o600);
  for (const path of [file, `${file}.copy`]) expect((await stat(path)).mtimeMs).toBe(2_000);
});
