import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Environment, exitCodeOf, type Main } from '../../../scripts/run-main.ts';

const PROJECT = resolve(import.meta.dirname, '../../..');
const SCRIPTS = resolve(PROJECT, 'scripts');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a script needs to run at all. */
const BASIC = {
  PATH: process.env.PATH,
  AWS_ACCESS_KEY_ID: 'AKIDTEST',
  AWS_SECRET_ACCESS_KEY: 'verysecret',
};

/** Runs one of the project's scripts as a process, with nothing in its environment but this and what is basic. */
export async function runScript(name: string, args: readonly string[], env: Environment): Promise<Ran> {
  const program = name.endsWith('.ts') ? process.execPath : 'sh';
  return runTyped([program, resolve(SCRIPTS, name), ...args], env);
}

/** Runs a command in the project's folder, likewise. */
export async function runTyped(
  [file, ...args]: readonly [string, ...string[]],
  env: Environment,
): Promise<Ran> {
  const child = spawn(file, args, {
    cwd: PROJECT,
    env: { ...BASIC, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}

/** Calls a script's main in this process, with the same environment as `runScript`. One at a time. */
export async function callMain(main: Main, args: readonly string[], env: Environment): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const output = {
    print: (line: string) => {
      written.stdout += `${line}\n`;
    },
    printError: (line: string) => {
      written.stderr += `${line}\n`;
    },
  };
  const environment = { ...BASIC, ...env };
  const own = process.env;
  // The AWS SDK reads its endpoint and credentials there.
  process.env = environment;
  try {
    return { code: await exitCodeOf(main, args, environment, output), ...written };
  } finally {
    process.env = own;
  }
}
