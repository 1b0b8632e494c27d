import { access, constants, realpath, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import type { Command } from '../config/session-config.ts';
import { errorCode, hasCode, systemErrorText } from '../files/errno.ts';
import { findExecutable } from '../files/find-executable.ts';
import { NotRegularFileError, openRegularFile } from '../files/open.ts';
import type { User } from './user.ts';

interface SpawnAttempt {
  readonly command: Command;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: User | undefined;
}

/** Why a log could not be opened. */
export function explainLogError(logFile: string, error: unknown): string {
  const why =
    error instanceof NotRegularFileError
      ? 'it is not a regular file, or has another name as well'
      : systemErrorText(error);
  return `cannot open its log ${logFile}: ${why}`;
}

/**
 * Why a program did not start, in words. The kernel answers ENOENT alike for a missing program, a missing interpreter
 * and a missing working directory, so each of them is checked.
 */
export async function explainSpawnError(attempt: SpawnAttempt, error: unknown): Promise<string> {
  const { cwd, env, user } = attempt;
  const [file] = attempt.command;
  const workdirFault = await explainWorkdir(cwd);
  if (workdirFault !== undefined) return workdirFault;
  const code = errorCode(error);
  if (code !== 'ENOENT' && code !== 'EACCES') return `cannot start ${file}: ${systemErrorText(error)}`;
  // What the supervisor itself may run says nothing about another user's rights.
  if (code === 'EACCES' && user !== undefined)
    return `${user.name ?? user.uid} may not run ${file}, or not enter a folder on the way there`;
  if (file.includes('/')) return explainNotRunnable(resolve(cwd, file));
  const found = await findExecutable(file, { path: env.PATH, cwd });
  if (found !== undefined) return explainNotRunnable(found);
  const fault = code === 'ENOENT' ? 'no such command' : 'no permission to run';
  const searched = env.PATH?.split(delimiter).join(', ') || 'the default places: PATH is not set';
  return `${fault}: ${file} (looked in ${searched})`;
}

async function explainWorkdir(cwd: string): Promise<string | undefined> {
  try {
    if (!(await stat(cwd)).isDirectory()) return `the working directory is not a folder: ${cwd}`;
    await access(cwd, constants.X_OK);
    return undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return `no such working directory: ${cwd}`;
    return `cannot enter the working directory ${cwd}: ${systemErrorText(error)}`;
  }
}

/** Why the program at a path does not run: it is missing, a folder, not executable, or what loads it is missing. */
export async function explainNotRunnable(path: string): Promise<string> {
  try {
    if ((await stat(path)).isDirectory()) return `not a program but a folder: ${path}`;
    await access(path, constants.X_OK);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return `no such command: ${path}`;
    if (hasCode(error, 'EACCES')) return `no permission to run ${path} (chmod +x?)`;
    return `cannot run ${path}: ${systemErrorText(error)}`;
  }
  const interpreter = await interpreterOf(path);
  return interpreter === undefined
    ? `cannot run ${path}: what loads it is not there (built for another system?)`
    : `cannot run ${path}: its interpreter ${interpreter} is missing or may not be run`;
}

/** The interpreter in the `#!` line; undefined where there is none, or where the file may be run but not read. */
async function interpreterOf(path: string): Promise<string | undefined> {
  try {
    await using file = await openRegularFile(await realpath(path));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    return /^#![ \t]*(\S+)/.exec(buffer.toString('utf8', 0, bytesRead))?.[1];
  } catch {
    return undefined;
  }
}
