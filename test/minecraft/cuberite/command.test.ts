import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cuberiteCommand } from '../../../src/minecraft/cuberite/command.ts';
import { type CuberiteHome, makeCuberiteHome } from '../../support/cuberite-home.ts';

const FLAG = '--no-output-buffering';

let folder: string;
let home: CuberiteHome;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'command-'));
  home = await makeCuberiteHome({ build: 'old' });
});

afterEach(async () => {
  await home.remove();
  await rm(folder, { recursive: true });
});

test('a program that knows the flag gets it, wherever its name is among the bytes', async () => {
  const MiB = 2 ** 20;
  for (const before of [0, 100, MiB - 10, MiB - FLAG.length + 2, MiB, 3 * MiB - 5]) {
    await writeFile(
      home.config.binary,
      Buffer.concat([Buffer.alloc(before, 1), Buffer.from('no-output-buffering')]),
    );
    expect(await choose('')).toEqual({
      command: [home.config.binary, FLAG],
      cwd: folder,
      output: { tried: 'flag', why: `the program knows ${FLAG}` },
    });
  }
});

test('a program that does not know the flag is run by stdbuf', async () => {
  await writeFile(join(folder, 'stdbuf'), '', { mode: 0o755 });
  expect(await choose(`${join(folder, 'gone')}:${folder}`)).toEqual({
    command: [join(folder, 'stdbuf'), '-o0', home.config.binary],
    cwd: folder,
    output: { tried: 'stdbuf', why: `the program does not know ${FLAG}` },
  });
});

test('without a stdbuf that can be executed the program is run as it is', async () => {
  await writeFile(join(folder, 'stdbuf'), '', { mode: 0o644 });
  expect(await choose(folder)).toEqual({
    command: [home.config.binary],
    cwd: folder,
    output: { tried: 'none', why: `the program does not know ${FLAG}, and stdbuf is not installed` },
  });
});

test('a program that is not there is told', async () => {
  await rm(home.config.binary);
  await expect(choose(folder)).rejects.toThrow('ENOENT');
});

function choose(searchPath: string) {
  return cuberiteCommand(home.config, folder, searchPath);
}
