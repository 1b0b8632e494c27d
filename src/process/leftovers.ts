import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from './child.ts';
import { membersOf, signalGroups } from './process-group.ts';
import {
  commandOf,
  controlGroupsOf,
  environmentOf,
  listProcesses,
  type Process,
  userIdsOf,
} from './procfs.ts';
import type { User } from './user.ts';

/**
 * The environment variable that marks the processes of a session, whatever process group they are in; Jenkins's
 * ProcessTreeKiller does the same with BUILD_ID.
 */
export const MARKER_VARIABLE = 'CRAFTASSIST_SESSION_COOKIE';

export interface LeftoverProcess {
  readonly pid: number;
  /** Its command line, or `[name]` where that cannot be read. */
  readonly command: string;
  /** false: still alive when time was up, since it hangs inside the kernel or belongs to another user. */
  readonly killed: boolean;
}

/** The value of `MARKER_VARIABLE` for one session: to be put into the environment of each of its children. */
export function createSessionMarker(): string {
  return randomUUID();
}

const SCAN_INTERVAL_MS = 10;

/** Scans in a row that must find nothing: during an exec a process has no environment for a moment. */
const CLEAN_SCANS = 2;

/** The command lines of so many processes are read; of further ones, as of a fork bomb's, only the name is known. */
const MAX_COMMANDS = 100;

/**
 * Kills the processes of a session that are alive after its children were stopped; scans until nothing is found.
 *
 * It finds the children's process groups, every process with the session's marker in its environment, every process
 * in the session (setsid) of such a process, and all their descendants. It misses a process that was started without
 * the marker, in a session in which no process has it, and whose parent is gone.
 *
 * @param marker as of `createSessionMarker`
 * @param user the user of the children, where nothing else runs as that user: then every process of this user in this
 * container (control group) belongs to the session, marked or not. Without CAP_SYS_PTRACE not even root may read the
 * environment of another user's process, and no marker is found.
 * @param withinMs the time limit: what is alive then is reported with `killed: false`
 * @returns everything that was found, in the order of discovery; nothing where there is no /proc
 */
export async function killLeftovers(
  marker: string,
  children: readonly Child[],
  {
    user,
    withinMs = 3_000,
    procRoot = '/proc',
  }: { user?: User | undefined; withinMs?: number; procRoot?: string } = {},
): Promise<readonly LeftoverProcess[]> {
  const untilMs = performance.now() + withinMs;
  const isOurs = async (process: Process) =>
    (await hasMarker(process, marker, procRoot)) ||
    (user !== undefined && (await runsAs(process, user, procRoot)));
  const known = new Map<string, { readonly pid: number; readonly command: string }>();
  for (let cleanScans = 0; ; ) {
    const found = await findLeftovers(isOurs, children, known, procRoot);
    for (const process of found.filter(process => !known.has(identityOf(process)))) {
      const tooMany = known.size >= MAX_COMMANDS;
      const command = tooMany ? `[${process.name}]` : await commandOf(process, procRoot);
      known.set(identityOf(process), { pid: process.pid, command });
    }
    signalGroups(found, 'SIGKILL');
    cleanScans = found.length === 0 ? cleanScans + 1 : 0;
    if (cleanScans === CLEAN_SCANS || performance.now() >= untilMs) {
      const alive = new Set(found.map(identityOf));
      return [...known].map(([identity, leftover]) => ({ ...leftover, killed: !alive.has(identity) }));
    }
    await delay(SCAN_INTERVAL_MS);
  }
}

async function findLeftovers(
  isOurs: (process: Process) => Promise<boolean>,
  children: readonly Child[],
  known: ReadonlyMap<string, unknown>,
  procRoot: string,
): Promise<readonly Process[]> {
  const processes = listProcesses(procRoot) ?? [];
  const self = processes.find(({ pid }) => pid === process.pid);
  // The marker is younger than this process, so that older processes cannot have it. Never kill our own group.
  const candidates = processes.filter(
    ({ startTicks, group }) => startTicks >= (self?.startTicks ?? 0) && group !== self?.group,
  );
  const ours = await Promise.all(candidates.map(isOurs));
  const members = new Set(children.flatMap(child => membersOf(child, processes)));
  // A dying process loses its environment, parent and session members first: one that was found once stays found.
  const leftovers = candidates.filter(
    (process, index) => ours[index] === true || members.has(process) || known.has(identityOf(process)),
  );
  return withDescendants(leftovers, candidates);
}

/** Whether a process was started with the marker of a session in its environment, and may be asked. */
export async function hasMarker({ pid }: Process, marker: string, procRoot: string): Promise<boolean> {
  const environment = await environmentOf(pid, procRoot);
  return environment.includes(`${MARKER_VARIABLE}=${marker}`);
}

/** By the real, effective or saved user id: a set-user-id program that a child has started counts as well. */
async function runsAs({ pid }: Process, { uid }: User, procRoot: string): Promise<boolean> {
  if (!(await userIdsOf(pid, procRoot)).includes(uid)) return false;
  const [its, own] = await Promise.all([controlGroupsOf(pid, procRoot), controlGroupsOf('self', procRoot)]);
  return its === own;
}

/** Adds the processes in the same sessions, and all descendants, until nothing more is found. */
function withDescendants(known: readonly Process[], candidates: readonly Process[]): readonly Process[] {
  const pids = new Set(known.map(({ pid }) => pid));
  // 0 stands for a session outside this container's pid namespace.
  const sessions = new Set(known.map(({ session }) => session).filter(session => session !== 0));
  const all = candidates.filter(
    ({ pid, parent, session }) => pids.has(pid) || pids.has(parent) || sessions.has(session),
  );
  return all.length === known.length ? all : withDescendants(all, candidates);
}

/** A pid may be reused; with the start time it names one process. */
function identityOf({ pid, startTicks }: Process): string {
  return `${pid}@${startTicks}`;
}
