import treeKill from 'tree-kill';
import type { Child } from './child.ts';
import { listProcesses, type Process } from './procfs.ts';

/**
 * The living processes of the session (setsid) that a child leads: its own process group and the groups that were
 * made inside that session. A daemon that called setsid itself is not among them.
 */
export function membersOf(child: Child, processes: readonly Process[]): readonly Process[] {
  // The kernel does not reuse a pid while a group or session has it as its id. A living process of that pid, after the
  // child was reaped, means that the group has ended and the number was given to an unrelated process.
  const isReused = child.endedAtMs !== undefined && processes.some(({ pid }) => pid === child.pid);
  return isReused ? [] : processes.filter(({ session }) => session === child.pid);
}

/** Whether any process of a child's group is alive, also when the child itself has exited. */
export function isGroupAlive(child: Child, procRoot: string): boolean {
  const processes = listProcesses(procRoot);
  if (processes !== undefined) return membersOf(child, processes).length > 0;
  return child.pid !== undefined && send(-child.pid, 0);
}

/** Sends a signal to every process of a child's session, one kill(2) for each process group. */
export function signalGroup(child: Child, signal: NodeJS.Signals, procRoot: string): void {
  const processes = listProcesses(procRoot);
  if (processes !== undefined) signalGroups(membersOf(child, processes), signal);
  else if (child.pid !== undefined) signalTree(child.pid, signal);
}

/** Signals whole groups: so the signal reaches also what is forked at that moment. */
export function signalGroups(processes: readonly Process[], signal: NodeJS.Signals): void {
  for (const group of new Set(processes.map(process => process.group))) send(-group, signal);
}

/**
 * Asks a child to end, by SIGTERM: its own session, and its descendants in sessions of their own, which cannot be told
 * any more once their parents are gone.
 * @returns the process groups that were asked; none where there is no /proc
 */
export function askToEnd(child: Child, procRoot: string): ReadonlySet<number> {
  const processes = listProcesses(procRoot);
  if (processes === undefined) {
    signalGroup(child, 'SIGTERM', procRoot);
    signalGroup(child, 'SIGCONT', procRoot);
    return new Set();
  }
  return askGroupsToEnd(withKin(membersOf(child, processes), processes));
}

/** Sends SIGTERM to the whole groups of processes. @returns these groups */
export function askGroupsToEnd(processes: readonly Process[]): ReadonlySet<number> {
  signalGroups(processes, 'SIGTERM');
  // A stopped process (SIGSTOP, a debugger) handles the SIGTERM only when it is continued.
  signalGroups(processes, 'SIGCONT');
  return new Set(processes.map(({ group }) => group));
}

/** Adds the processes in the same sessions, and all descendants, until nothing more is found. */
export function withKin(known: readonly Process[], candidates: readonly Process[]): readonly Process[] {
  const pids = new Set(known.map(({ pid }) => pid));
  // 0 stands for a session outside this container's pid namespace.
  const sessions = new Set(known.map(({ session }) => session).filter(session => session !== 0));
  const all = candidates.filter(
    ({ pid, parent, session }) => pids.has(pid) || pids.has(parent) || sessions.has(session),
  );
  return all.length === known.length ? all : withKin(all, candidates);
}

/** For systems without /proc; on Linux without /proc `ps`, which tree-kill runs, has nothing to read either. */
function signalTree(pid: number, signal: NodeJS.Signals): void {
  if (process.platform !== 'linux') treeKill(pid, signal);
  send(-pid, signal);
}

/** @returns false where there is no such process (ESRCH) or none that we may signal (EPERM) */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
