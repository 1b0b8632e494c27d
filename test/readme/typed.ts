import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { unlessMissing } from '../../src/files/errno.ts';
import { PROGRAMS, SUPERVISOR } from '../support/built.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

const quoted = (...words: readonly (string | number)[]) =>
  words.map(word => `'${`${word}`.replaceAll("'", `'\\''`)}'`).join(' ');

export const testProgram = (name: string, ...args: readonly (string | number)[]) =>
  quoted(process.execPath, join(PROGRAMS, `${name}.mjs`), ...args);

/** A shell whose PATH begins with stand-ins of what a reader has installed, in a folder of its own. */
export interface TypedShell extends AsyncDisposable {
  readonly folder: string;
  readonly path: string;
  /** Installs a command. @param script what it does, for sh */
  install(name: string, script: string): Promise<void>;
  /** Installs a command that writes down its words, and does nothing else but what the script says. */
  record(name: string, script?: string): Promise<void>;
  /** What was written down, a call a line. */
  heard(name: string): Promise<string[]>;
}

export async function openTypedShell(): Promise<TypedShell> {
  const folder = await mkdtemp(join(tmpdir(), 'readme-test-'));
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const install = async (name: string, script: string) => {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  };
  await install('craftassist-session', `exec ${quoted(process.execPath, SUPERVISOR)} "$@"`);
  return {
    folder,
    path: [bin, join(PROJECT, 'node_modules/.bin'), process.env.PATH].join(delimiter),
    install,
    record: (name, script = '') =>
      install(name, `echo "$@" >>${quoted(join(folder, `${name}.heard`))}\n${script}`),
    async heard(name) {
      const text = await unlessMissing(readFile(join(folder, `${name}.heard`), 'utf8'));
      return (text ?? '').trimEnd().split('\n');
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const run = promisify(execFile);

/** Types commands, of which the first that fails is the last. @param cwd default: the folder of the shell */
export function type(
  commands: string,
  shell: TypedShell,
  env: Readonly<Record<string, string>> = {},
  cwd = shell.folder,
) {
  return run('sh', ['-euc', commands], { cwd, env: { PATH: shell.path, TMPDIR: shell.folder, ...env } });
}
