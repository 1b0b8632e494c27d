import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { cat } from '../../src/cli/cat.ts';
import { get } from '../../src/cli/get.ts';
import { describeTree } from '../archive/trees.ts';
import { openFolder, putFiles, runCommand, savedSession } from './support.ts';

const NAME = '2026-11-22T11:00:00.000Z';
const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** A folder with a session in `sessions`, whose archive has these files. @param sha256 that its report tells */
async function archived(files: Readonly<Record<string, string>>, sha256?: string): Promise<string> {
  const folder = await openFolder();
  await putFiles(join(folder, 'tree'), files);
  await pack(folder, sha256);
  return folder;
}

async function pack(folder: string, sha256?: string): Promise<void> {
  const { stdout } = spawnSync('tar', ['-C', join(folder, 'tree'), '-czf', '-', '.']);
  const archive = { key: `${NAME}/logs.tar.gz`, bytes: stdout.length, sha256 };
  const [[key, report] = ['', {}]] = Object.entries(savedSession(NAME, { archive: null }));
  await putFiles(join(folder, 'sessions'), { [key]: Object.assign({}, report, { archive }) });
  await mkdir(join(folder, 'sessions', NAME), { recursive: true });
  await writeFile(join(folder, 'sessions', NAME, 'logs.tar.gz'), stdout);
}

const FILES = {
  'agent.log': 'of the agent\n',
  'cuberite/server.log': 'of the server\n',
  'sub/agent.log': 'below\n',
};

test('cat prints a file by its path, and files by a glob', async () => {
  const folder = await archived(FILES);
  const printed = async (file: string) => {
    const { code, lines, stderr } = await runCommand(cat, folder, [`sessions/${NAME}`, file]);
    return { code, lines: lines.toSorted(), stderr };
  };
  expect(await printed('agent.log')).toEqual({ code: 0, lines: ['of the agent'], stderr: [] });
  expect(await printed('./cuberite/server.log')).toEqual({ code: 0, lines: ['of the server'], stderr: [] });
  expect((await printed('agent.*')).lines).toEqual(['below', 'of the agent']);
  expect((await printed('cuberite/**')).lines).toEqual(['of the server']);
});

test('cat tells which file may be meant by one that is not there', async () => {
  const folder = await archived(FILES);
  const { code, stderr } = await runCommand(cat, folder, [`sessions/${NAME}`, 'server.log']);
  expect(code).toBe(66);
  expect(stderr).toEqual(['there is no file server.log in it: there is cuberite/server.log']);
  const other = await runCommand(cat, folder, [`sessions/${NAME}`, 'nothing']);
  expect(other.stderr).toEqual(['there is no file nothing in it: --list prints what there is']);
});

test('cat lists files, also as JSON, and what a terminal would obey is escaped', async () => {
  const folder = await archived({ ...FILES, 'a\u001b[31m.txt': 'x'.repeat(2_048) });
  const { lines } = await runCommand(cat, folder, [`sessions/${NAME}`]);
  expect(
    lines.some(line => /^- {2}2\.0 KiB {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}a\\x1b\[31m\.txt$/.test(line)),
  ).toBe(true);
  expect(lines.join('')).not.toContain('\u001b');
  const json = await runCommand(cat, folder, ['--list', '--json', `sessions/${NAME}`, '*.txt']);
  expect(json.lines.map(line => JSON.parse(line))).toEqual([
    {
      path: 'a\u001b[31m.txt',
      type: 'file',
      bytes: 2_048,
      mode: expect.any(Number),
      modified: expect.any(String),
    },
  ]);
});

test('get unpacks an archive into a folder that is not there, and says how much', async () => {
  const folder = await archived(FILES);
  const { code, lines, stderr } = await runCommand(get, folder, [`sessions/${NAME}`, 'got']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
  expect(lines).toEqual([`3 files, 33 B, from file://${folder}/sessions/${NAME}/logs.tar.gz`]);
  expect(describeTree(join(folder, 'got'))).toEqual(describeTree(join(folder, 'tree')));
  expect(await readdir(folder)).not.toContain('got.part');
});

test('get leaves a folder alone that has something in it', async () => {
  const folder = await archived(FILES);
  await putFiles(join(folder, 'got'), { mine: 'mine' });
  const { code, stderr } = await runCommand(get, folder, [`sessions/${NAME}`, 'got']);
  expect(code).toBe(64);
  expect(stderr.join()).toMatch(/got is not empty: name a folder that is not there yet, or remove that one/);
  expect(await readdir(join(folder, 'got'))).toEqual(['mine']);
  await putFiles(join(folder, 'other.part'), { mine: 'mine' });
  expect((await runCommand(get, folder, [`sessions/${NAME}`, 'other'])).code).toBe(64);
  expect(await readdir(join(folder, 'other.part'))).toEqual(['mine']);
});

test('get says what it left out', async () => {
  const folder = await archived(FILES);
  await symlink('/etc', join(folder, 'tree', 'out'));
  await pack(folder);
  const { code, stderr } = await runCommand(get, folder, [`sessions/${NAME}`, 'got']);
  expect(code).toBe(22);
  expect(stderr).toEqual(['left out: ./out is a link that leads out of the folder']);
  expect((await readdir(join(folder, 'got'))).toSorted()).toEqual(['agent.log', 'cuberite', 'sub']);
});

test('an archive that was changed since its report is told as damaged', async () => {
  const folder = await archived(FILES, 'ab'.repeat(32));
  const { code, stderr } = await runCommand(get, folder, [`sessions/${NAME}`, 'got']);
  expect(code).toBe(22);
  expect(stderr.join()).toMatch(
    /has not the digest that its report tells: what came before that is in .*got\.part/,
  );
});

test('an archive that ends in the middle is told as damaged, and what came is there', async () => {
  const folder = await archived({ ...FILES, 'z-long.bin': 'x'.repeat(10) });
  const file = join(folder, 'sessions', NAME, 'logs.tar.gz');
  const whole = await readFile(file);
  await writeFile(file, whole.subarray(0, whole.length - 12));
  const { code, stderr } = await runCommand(cat, folder, [`sessions/${NAME}`, '*']);
  expect(code).toBe(22);
  expect(stderr.join()).toMatch(/does not decompress: it ends in the middle: what came before that is above/);
});

test('whoever has seen enough ends it', async () => {
  const folder = await archived({ 'long.log': `line\n${'x'.repeat(50_000_000)}` });
  const child = spawn(process.execPath, [MAIN, 'cat', `sessions/${NAME}`, 'long.log'], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stderr = text(child.stderr);
  const closed = once(child, 'close');
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = await closed;
  expect({ code, stderr: await stderr }).toEqual({ code: 0, stderr: '' });
});
