import { closeSync, writeSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { hasCode } from '../files/errno.ts';
import { findExecutable } from '../files/find-executable.ts';
import { openForAppendSync } from '../files/open.ts';
import { orAborted } from '../runtime/abort.ts';
import { startDetached } from './child.ts';

export interface StackOptions {
  /** Absolute path: the text is appended to it. */
  readonly file: string;
  /** Where gdb is looked for. */
  readonly path: string | undefined;
  /** Whoever waits gives up: gdb is killed then, and lets go of the process. */
  readonly signal: AbortSignal;
}

/**
 * Writes what the threads of a process do, into a file: what the kernel tells without any tool, then their stacks where
 * gdb is installed and may look.
 * @throws when the file cannot be written
 */
export async function recordStack(pid: number, { file, path, signal }: StackOptions): Promise<void> {
  const { fd } = openForAppendSync(file);
  try {
    writeSync(fd, `${new Date().toISOString()} threads of process ${pid}:\n${await describeThreads(pid)}\n`);
  } finally {
    closeSync(fd);
  }
  const gdb = await findExecutable('gdb', { path, cwd: '/' });
  if (gdb === undefined) return;
  const command = [gdb, '--batch', '--nx', '-p', String(pid), '-ex', 'thread apply all backtrace'] as const;
  const running = startDetached({ command, cwd: '/', env: { PATH: path ?? '', LC_ALL: 'C' }, logFile: file });
  try {
    await orAborted(running.exited, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    kill(running.pid);
    await running.exited;
  }
}

/** It leads a group of its own. */
function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** A line for each thread: its name, its state, and the function of the kernel in which it waits, as proc(5) has them. */
async function describeThreads(pid: number): Promise<string> {
  const folder = `/proc/${pid}/task`;
  const ids = await readdir(folder).catch(() => []);
  const lines = ids.map(async id => {
    const read = (name: string) => readFile(`${folder}/${id}/${name}`, 'utf8').catch(() => '');
    const [status, wchan] = await Promise.all([read('status'), read('wchan')]);
    const field = (name: string) => new RegExp(`^${name}:\\t(.*)$`, 'm').exec(status)?.[1] ?? 'unknown';
    // The kernel answers 0 for one that does not wait, and where nobody may look.
    return `${id} ${field('Name')}: ${field('State')}, in ${/^0?$/.test(wchan) ? 'unknown' : wchan}`;
  });
  return (await Promise.all(lines)).join('\n');
}
