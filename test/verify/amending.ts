import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { cat } from '../../src/cli/cat.ts';
import { get } from '../../src/cli/get.ts';
import { verify } from '../../src/cli/verify.ts';
import { runCommand } from '../catalogue/support.ts';

export const WHY = ['--why', 'consent withdrawn'];

/** Makes the folder `changed`, with what a session is to hold. */
export async function writeChanged(folder: string): Promise<void> {
  await mkdir(join(folder, 'changed'));
  await writeFile(join(folder, 'changed', 'agent.log'), '<player> hello\n');
}

/** The files below a folder, by their paths in it. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .toSorted();
}

/** It has no fault, and holds what it was to hold, and nothing else. */
export async function expectAmended(folder: string, url: string, env = {}): Promise<void> {
  const verified = await runCommand(verify, folder, [url], { env });
  expect(verified).toMatchObject({ code: 0, lines: [] });
  await rm(join(folder, 'got'), { recursive: true, force: true });
  expect(await runCommand(get, folder, [url, 'got'], { env })).toMatchObject({ code: 0, stderr: [] });
  expect(await filesIn(join(folder, 'got'))).toEqual(['agent.log']);
  const listed = await runCommand(cat, folder, [url], { env });
  expect(listed).toMatchObject({ code: 0, stderr: [] });
  expect(listed.lines.filter(line => line.startsWith('-'))).toEqual([expect.stringMatching(/ agent\.log$/)]);
}
