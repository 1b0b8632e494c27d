import { readdir, readlink } from 'node:fs/promises';
import type { Child } from './child.ts';
import { hasMarker } from './leftovers.ts';
import { membersOf } from './process-group.ts';
import { listProcesses, type Process } from './procfs.ts';
import type { TcpSocket } from './tcp-table.ts';
import type { User } from './user.ts';

export interface SessionMembers {
  /** The user of the children alone; undefined: they run as the supervisor's. */
  readonly user: User | undefined;
  readonly marker: string;
  readonly children: readonly Child[];
}

/**
 * Tells the sockets of a session's processes from those of everybody else on this machine: by their user, where the
 * children have one of their own, since without CAP_SYS_PTRACE not even root may see whose file descriptors they are;
 * otherwise by the file descriptors.
 */
export function createSocketOwner(
  { user, marker, children }: SessionMembers,
  procRoot = '/proc',
): (socket: TcpSocket) => Promise<boolean> {
  // Whose is found stays the session's. Others are looked at again: a process has no environment during an exec.
  const own = new Set<string>();
  return async ({ uid, inode }) => {
    if (user !== undefined) return uid === user.uid;
    if (!own.has(inode) && (await holds(await membersOfSession(), inode, procRoot))) own.add(inode);
    return own.has(inode);
  };

  async function membersOfSession(): Promise<readonly Process[]> {
    const processes = listProcesses(procRoot) ?? [];
    const members = new Set(children.flatMap(child => membersOf(child, processes)));
    const marked = await Promise.all(
      processes.map(async each => members.has(each) || hasMarker(each, marker, procRoot)),
    );
    return processes.filter((_, index) => marked[index]);
  }
}

async function holds(processes: readonly Process[], inode: string, procRoot: string): Promise<boolean> {
  for (const { pid } of processes) {
    const folder = `${procRoot}/${pid}/fd`;
    // Processes, and their descriptors, vanish between two calls.
    const names = await readdir(folder).catch(() => []);
    const targets = await Promise.all(names.map(name => readlink(`${folder}/${name}`).catch(() => '')));
    if (targets.includes(`socket:[${inode}]`)) return true;
  }
  return false;
}
