import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** One process, as `/proc/PID/stat` describes it. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** The process group's id: the pid of its leader. */
  readonly group: number;
  /** The session's id: the pid of the process that called setsid. */
  readonly session: number;
  /** Clock ticks from boot to its start: together with the pid it is unique until the next boot. */
  readonly startTicks: number;
  /** Up to 15 bytes of the program's name. */
  readonly name: string;
}

/**
 * The living processes of this machine, or of its pid namespace; a zombie is not alive.
 * @returns undefined where there is no /proc
 */
export function listProcesses(procRoot = '/proc'): readonly Process[] | undefined {
  // Synchronous: 9 µs a process, where the thread pool takes 60. The kernel answers `stat` from its own memory; only
  // `environ` and `cmdline` can block their reader.
  const entries = attempt(() => readdirSync(procRoot));
  return entries
    ?.filter(entry => /^\d+$/.test(entry))
    .map(pid => readProcess(Number(pid), procRoot))
    .filter(process => process !== undefined);
}

/** One process; undefined when it has ended, and where there is no /proc. */
export function readProcess(pid: number, procRoot = '/proc'): Process | undefined {
  const stat = attempt(() => readFileSync(`${procRoot}/${pid}/stat`, 'utf8'));
  return stat === undefined ? undefined : parseStat(stat);
}

/** The environment that a process was started with, as `NAME=value`; empty where it may not be read. */
export async function environmentOf(pid: number, procRoot = '/proc'): Promise<readonly string[]> {
  const environ = await readFile(`${procRoot}/${pid}/environ`, 'utf8').catch(unreadable);
  return environ.split('\0');
}

/** The real, effective, saved and file system user ids of a process; empty once it is gone. */
export async function userIdsOf(pid: number, procRoot = '/proc'): Promise<readonly number[]> {
  const status = await readFile(`${procRoot}/${pid}/status`, 'utf8').catch(unreadable);
  return (/^Uid:\t(.+)$/m.exec(status)?.[1] ?? '').split('\t').map(Number);
}

/** The control groups of a process, in the format of cgroups(7); empty once it is gone. */
export async function controlGroupsOf(pid: number | 'self', procRoot = '/proc'): Promise<string> {
  return readFile(`${procRoot}/${pid}/cgroup`, 'utf8').catch(unreadable);
}

/**
 * The command line of a process, for a log: one line of at most 200 characters, or `[name]` where it may not be read.
 * The values of secrets (`--token=…`, `--password …`) are masked.
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
/** Inside a shell script that is an argument, or in a title that a process has set itself. */
const SECRET_INSIDE = new RegExp(`((?:^|\\s)(?:--?${SECRET_NAME}\\s+|${SECRET_NAME}=))\\S+`, 'gi');

/**
 * Reads the content of `/proc/PID/stat`; undefined: the process is a zombie. The format is in proc_pid_stat(5): fields
 * are counted from 1, and the second may hold spaces and parentheses.
 */
export function parseStat(stat: string): Process | undefined {
  const nameEnd = stat.lastIndexOf(')');
  const fields = stat.slice(nameEnd + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  const state = fields[0] ?? 'X';
  // A process whose main thread has ended shows as Z as well, while its other threads run.
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

/** Processes vanish between two calls (ENOENT, ESRCH), and some may not be read (EACCES). */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const unreadable = () => '';
