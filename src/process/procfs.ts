import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** What `/proc/PID/stat` tells of one process. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** The process group's id: the pid of its first leader. */
  readonly group: number;
  /** The session's id: the pid of the process that called setsid. */
  readonly session: number;
  /** Clock ticks from boot to its start: with the pid it names one process for ever. */
  readonly startTicks: number;
  /** Up to 15 bytes of the program's name. */
  readonly name: string;
}

/**
 * Everything that is alive on this machine: a zombie is dead.
 * @returns undefined where there is no /proc to ask.
 */
export function listProcesses(procRoot = '/proc'): readonly Process[] | undefined {
  // Read in one go on this thread: 9 µs a process, where the thread pool takes 60. The kernel answers `stat` from
  // memory; only `environ` and `cmdline` can make their reader wait.
  const entries = attempt(() => readdirSync(procRoot));
  return entries
    ?.filter(entry => /^\d+$/.test(entry))
    .map(pid => attempt(() => readFileSync(`${procRoot}/${pid}/stat`, 'utf8')))
    .map(stat => (stat === undefined ? undefined : parseStat(stat)))
    .filter(process => process !== undefined);
}

/** One process; undefined when it has ended, and where there is no /proc. */
export function readProcess(pid: number, procRoot = '/proc'): Process | undefined {
  const stat = attempt(() => readFileSync(`${procRoot}/${pid}/stat`, 'utf8'));
  return stat === undefined ? undefined : parseStat(stat);
}

/** What a process was given in its environment when it started, as `NAME=value`; none where that may not be read. */
export async function environmentOf(pid: number, procRoot = '/proc'): Promise<readonly string[]> {
  const environ = await readFile(`${procRoot}/${pid}/environ`, 'utf8').catch(unreadable);
  return environ.split('\0');
}

/** The numbers of the users that a process runs as: real, effective, saved and for files; none once it is gone. */
export async function userIdsOf(pid: number, procRoot = '/proc'): Promise<readonly number[]> {
  const status = await readFile(`${procRoot}/${pid}/status`, 'utf8').catch(unreadable);
  return (/^Uid:\t(.+)$/m.exec(status)?.[1] ?? '').split('\t').map(Number);
}

/** Where a process stands in the hierarchies of control groups, as cgroups(7) describes the file. */
export async function controlGroupsOf(pid: number | 'self', procRoot = '/proc'): Promise<string> {
  return readFile(`${procRoot}/${pid}/cgroup`, 'utf8').catch(unreadable);
}

/**
 * A process's command line, for people: one line, at most 200 characters; its name where that may not be read. What
 * follows the name of a secret (`--token=…`, `--password …`) is masked.
 */
export async function commandOf(process: Process, procRoot = '/proc'): Promise<string> {
  const words = await readFile(`${procRoot}/${process.pid}/cmdline`, 'utf8').catch(unreadable);
  const command = masked(words.split('\0'))
    .join(' ')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim();
  return command === '' ? `[${process.name}]` : command.slice(0, 200);
}

function masked(words: readonly string[]): readonly string[] {
  return words.map((word, index) =>
    SECRET_OPTION.test(words[index - 1] ?? '')
      ? MASK
      : word.replace(SECRET_VALUE, `$1${MASK}`).replaceAll(SECRET_INSIDE, `$1${MASK}`),
  );
}

const MASK = '********';
const SECRET_NAME = '[\\w-]*(?:passw(?:or)?d|secret|token|credentials?|key)';
const SECRET_OPTION = new RegExp(`^--?${SECRET_NAME}$`, 'i');
const SECRET_VALUE = new RegExp(`^(${SECRET_NAME}=).+`, 'is');
/** In a script for a shell, or a title that a process has given itself. */
const SECRET_INSIDE = new RegExp(`((?:^|\\s)(?:--?${SECRET_NAME}\\s+|${SECRET_NAME}=))\\S+`, 'gi');

/**
 * The content of `/proc/PID/stat`; undefined: the process is a zombie. The format is in proc(5); fields are counted
 * from 1 there, and the second may hold spaces and parentheses.
 */
export function parseStat(stat: string): Process | undefined {
  const nameEnd = stat.lastIndexOf(')');
  const fields = stat.slice(nameEnd + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  const state = fields[0] ?? 'X';
  // A main thread that has ended alone shows as Z too, and its other threads run on.
  const threads = field(20);
  if ((state === 'Z' && threads <= 1) || state === 'X' || state === 'x') return undefined;
  return {
    pid: Number.parseInt(stat, 10),
    parent: field(4),
    group: field(5),
    session: field(6),
    startTicks: field(22),
    name: stat.slice(stat.indexOf('(') + 1, nameEnd),
  };
}

/** Processes vanish between two looks (ENOENT, ESRCH), and some belong to others (EACCES). */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const unreadable = () => '';
