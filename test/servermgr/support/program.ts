import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from '../../support/built.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';

const MAIN = fileURLToPath(new URL('../../../src/servermgr/main.ts', import.meta.url));

export interface Program extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  output(): string;
  /** Bytes of memory that the program has resident. */
  residentBytes(): Promise<number>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/**
 * The manager as people start it: its own process, set up by its environment alone.
 * @param by a command that replaces itself by the one that follows its own words
 */
export async function startProgram(
  env: Readonly<Record<string, string>>,
  cwd: string,
  by: readonly string[] = [],
): Promise<Program> {
  const listen = env.SERVERMGR_LISTEN ?? `127.0.0.1:${await freePort()}`;
  const given = {
    PATH: process.env.PATH ?? '',
    ...COMPILE_CACHE,
    ...env,
    SERVERMGR_LOG_LEVEL: 'info',
    SERVERMGR_LISTEN: listen,
  };
  const [file = '', ...args] = [...by, process.execPath, MAIN];
  const child = spawn(file, args, { env: given, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output = (output + text).slice(-100_000);
    });
  }
  try {
    await eventually(() => {
      if (child.exitCode !== null || output.includes('"event":"listening"')) return true;
      throw new Error(`it says: ${output}`);
    });
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}: ${output}`);
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    throw error;
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    await ended;
    return child.exitCode;
  };
  return {
    url: `http://${listen}`,
    child,
    output: () => output,
    async residentBytes() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
    },
    stop,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) await stop('SIGKILL');
    },
  };
}

/** Runs the manager to its end. */
export async function runProgram(env: Readonly<Record<string, string>>, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH ?? '', ...COMPILE_CACHE, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text;
    });
  }
  await once(child, 'close');
  return { code: child.exitCode, output };
}
