import { readFile } from 'node:fs/promises';
import type { Command } from '../config/session-config.ts';
import { findExecutable } from '../files/find-executable.ts';
import { openRegularFile } from '../files/open.ts';
import type { User } from './user.ts';

/** How a program of another user may listen below 1024: capabilities(7), ip_unprivileged_port_start in ip(7). */
const NET_BIND_SERVICE = 1n << 10n;

/**
 * Finds out how a user's programs can listen at ports: by themselves, or as setpriv lets them.
 * @param user undefined: the supervisor's own, whose rights they have
 * @param ports where they have to
 * @param path where util-linux's setpriv is looked for
 * @returns the user, and a notice where they cannot
 */
export async function withLowPorts(
  user: User | undefined,
  ports: readonly number[],
  path: string | undefined,
  procRoot = '/proc',
): Promise<{ readonly user: User | undefined; readonly notices: readonly string[] }> {
  if (user === undefined) return { user, notices: [] };
  // A kernel that does not tell is one of before 2017, which kept those below 1024 for root.
  const firstFree = Number((await read(`${procRoot}/sys/net/ipv4/ip_unprivileged_port_start`)) || 1_024);
  if (firstFree === 0) return { user, notices: [] };
  const setpriv = (await mayGrant(procRoot))
    ? await findExecutable('setpriv', { path, cwd: '/' })
    : undefined;
  if (setpriv !== undefined) return { user: { ...user, setpriv }, notices: [] };
  const denied = ports.filter(port => port < firstFree);
  if (denied.length === 0) return { user, notices: [] };
  const notice =
    `${user.name ?? user.uid} may not listen at port ${denied.join(', ')}: give the container the capability ` +
    'NET_BIND_SERVICE and the program setpriv, or the sysctl net.ipv4.ip_unprivileged_port_start=0.';
  return { user, notices: [notice] };
}

/** Whether this process may pass the right on. */
async function mayGrant(procRoot: string): Promise<boolean> {
  const status = await read(`${procRoot}/self/status`);
  return ['CapPrm', 'CapBnd'].every(name => {
    const [, set] = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? [];
    return set !== undefined && (BigInt(`0x${set}`) & NET_BIND_SERVICE) !== 0n;
  });
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** The command that runs another one as a user, with the right to listen at any port and no other. */
export function asUser({ uid, gid }: User, setpriv: string, command: Command): Command {
  return [
    setpriv,
    ...[`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
    ...['--inh-caps=+net_bind_service', '--ambient-caps=+net_bind_service', '--'],
    ...command,
  ];
}

/** What setpriv exits with where the program cannot be run: util-linux's include/exitcodes.h. */
const ERRORS = new Map([
  [126, 'EACCES'],
  [127, 'ENOENT'],
]);

/**
 * Why setpriv could not run a program, as a system error; undefined: it has run, and the exit code is its own.
 * @param logFile what stderr went to
 */
export async function setprivError(code: number, logFile: string): Promise<Error | undefined> {
  const systemCode = ERRORS.get(code);
  if (systemCode === undefined) return undefined;
  const lastLine = await lastLineOf(logFile);
  return lastLine.startsWith('setpriv: ')
    ? Object.assign(new Error(lastLine), { code: systemCode })
    : undefined;
}

const MAX_LINE_BYTES = 4_096;

async function lastLineOf(file: string): Promise<string> {
  try {
    await using log = await openRegularFile(file);
    const { size } = await log.stat();
    const end = Buffer.alloc(Math.min(size, MAX_LINE_BYTES));
    await log.read(end, 0, end.length, size - end.length);
    return end.toString().trimEnd().split('\n').at(-1) ?? '';
  } catch {
    // A log that is gone tells nothing: the exit code stands for itself.
    return '';
  }
}
