import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../support/eventually.ts';

/** Long-running programs with one temporary folder: both are gone when they are disposed of. */
export interface Daemons extends AsyncDisposable {
  readonly folder: string;
  /** Runs a command that ends by itself. @returns what it has written */
  run(command: string, ...args: string[]): Promise<string>;
  /** Starts a program that stays in the foreground; its output goes to a file of the folder. */
  start(command: string, ...args: string[]): void;
  /** Waits until an HTTP server answers, whatever it answers. @throws once one of the programs has ended */
  answered(url: string): Promise<void>;
}

export async function openDaemons(name: string, env: Readonly<Record<string, string>>): Promise<Daemons> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  const daemons: { readonly child: ChildProcess; readonly output: string }[] = [];
  const options = { cwd: folder, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env } };

  return {
    folder,
    async run(command, ...args) {
      return (await promisify(execFile)(command, args, options)).stdout;
    },
    start(command, ...args) {
      const output = join(folder, `output-${daemons.length}-${command}`);
      const file = openSync(output, 'a');
      // Whatever ends the tests, be it SIGKILL, the kernel ends the daemon.
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
        ...options,
        stdio: ['ignore', file, file],
      });
      daemons.push({ child, output });
    },
    async answered(url) {
      let ended: Error | undefined;
      await eventually(async () => {
        const dead = daemons.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
        if (dead === undefined) return fetch(url);
        ended = new Error(`${dead.child.spawnargs.join(' ')} ended: ${await readFile(dead.output, 'utf8')}`);
        return true;
      });
      if (ended !== undefined) throw ended;
    },
    async [Symbol.asyncDispose]() {
      const running = daemons.filter(({ child }) => child.exitCode === null && child.signalCode === null);
      await Promise.all(
        running.map(async ({ child }) => {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }),
      );
      await rm(folder, { recursive: true, force: true });
    },
  };
}
