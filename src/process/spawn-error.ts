import { access, constants, open, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import type { Command } from '../config/session-config.ts';
import type { User } from './user.ts';

interface Attempt {
  readonly command: Command;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: User | undefined;
}

/** Why a log could not be opened, for people. */
export function explainLogError(logFile: string, error: unknown): string {
  return `cannot open its log ${logFile}: ${reasonOf(error)}`;
}

/** Why a command was not even tried, for people: it holds a NUL character, for one. */
export function explainRejected({ command: [file] }: Attempt, error: unknown): string {
  return `cannot start ${file}: ${reasonOf(error)}`;
}

/**
 * Why a program did not start, for people. The kernel says ENOENT alike for a missing program, a missing
 * interpreter and a missing working directory, so each is looked at.
 */
export async function explainSpawnError(attempt: Attempt, error: unknown): Promise<string> {
  const {
    command: [file],
    cwd,
    env,
    user,
  } = attempt;
  const folder = await explainWorkdir(cwd);
  if (folder !== undefined) return folder;
  const code = codeOf(error);
  if (code !== 'ENOENT' && code !== 'EACCES') return explainRejected(attempt, error);
  // What the supervisor itself may do says nothing of another user's rights.
  if (code === 'EACCES' && user !== undefined)
    return `${user.name ?? user.uid} may not run ${file}, or not enter a folder on the way there`;
  if (file.includes('/')) return explainNotRunnable(resolve(cwd, file));
  const { PATH = '' } = env;
  const places = PATH.split(delimiter);
  const found = await firstRunnable(places.map(place => resolve(cwd, place, file)));
  if (found !== undefined) return explainNotRunnable(found);
  const fault = code === 'ENOENT' ? 'no such command' : 'no permission to run';
  return `${fault}: ${file} (looked in ${places.join(', ') || 'the default places: PATH is not set'})`;
}

async function firstRunnable(paths: readonly string[]): Promise<string | undefined> {
  const runnable = await Promise.all(paths.map(isRunnable));
  return paths.find((_, index) => runnable[index]);
}

async function isRunnable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function explainWorkdir(cwd: string): Promise<string | undefined> {
  try {
    if (!(await stat(cwd)).isDirectory()) return `the working directory is not a folder: ${cwd}`;
    await access(cwd, constants.X_OK);
    return undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return `no such working directory: ${cwd}`;
    return `cannot enter the working directory ${cwd}: ${reasonOf(error)}`;
  }
}

async function explainNotRunnable(path: string): Promise<string> {
  try {
    if ((await stat(path)).isDirectory()) return `not a program but a folder: ${path}`;
    await access(path, constants.X_OK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return `no such command: ${path}`;
    if (codeOf(error) === 'EACCES') return `no permission to run ${path} (chmod +x?)`;
    return `cannot run ${path}: ${reasonOf(error)}`;
  }
  const interpreter = await interpreterOf(path);
  return interpreter === undefined
    ? `cannot run ${path}: what loads it is not there (built for another system?)`
    : `cannot run ${path}: its interpreter ${interpreter} is missing or may not be run`;
}

/** What the `#!` line names; undefined where there is none, or where it may be run but not read. */
async function interpreterOf(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    return /^#![ \t]*(\S+)/.exec(buffer.toString('utf8', 0, bytesRead))?.[1];
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  const fault = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(fault instanceof Error)) return String(fault);
  if (!('errno' in fault) || typeof fault.errno !== 'number') return fault.message;
  return `${getSystemErrorMessage(fault.errno)} (${codeOf(fault)})`;
}
