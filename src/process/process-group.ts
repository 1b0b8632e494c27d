import treeKill from 'tree-kill';
import type { Child } from './child.ts';
import { listProcesses, type Process } from './procfs.ts';

/**
 * The living processes of the session that a child leads: its process group, and whoever made a group of its own
 * inside that session. A daemon that called setsid has left.
 */
export function membersOf(child: Child, processes: readonly Process[]): readonly Process[] {
  // The kernel keeps a pid back while a group or session bears it. A living process of that pid, after the child was
  // reaped, means that the family died out and the number went to a stranger.
  const isReused = child.endedAtMs !== undefined && processes.some(({ pid }) => pid === child.pid);
  return isReused ? [] : processes.filter(({ session }) => session === child.pid);
}

/** Whether anything of a child's family is alive; its leader may be gone long before. */
export function isGroupAlive(child: Child, procRoot: string): boolean {
  const processes = listProcesses(procRoot);
  if (processes !== undefined) return membersOf(child, processes).length > 0;
  return child.pid !== undefined && send(-child.pid, 0);
}

/** Sends a signal to every process of a child's family, each group in one stroke. */
export function signalGroup(child: Child, signal: NodeJS.Signals, procRoot: string): void {
  const processes = listProcesses(procRoot);
  if (processes !== undefined) signalGroups(membersOf(child, processes), signal);
  else if (child.pid !== undefined) signalTree(child.pid, signal);
}

/** A signal to a whole group catches even those that fork at that moment. */
export function signalGroups(processes: readonly Process[], signal: NodeJS.Signals): void {
  for (const group of new Set(processes.map(process => process.group))) send(-group, signal);
}

/** What can be done where there is no /proc; on Linux `ps`, which tree-kill asks, has nothing to read then either. */
function signalTree(pid: number, signal: NodeJS.Signals): void {
  if (process.platform !== 'linux') treeKill(pid, signal);
  send(-pid, signal);
}

/** @returns whether there was somebody to send it to (ESRCH: nobody; EPERM: nobody that is ours). */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
