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

/** The variable by which a session's processes are known, however far they have run; Jenkins does the same. */
export const MARKER_VARIABLE = 'CRAFTASSIST_SESSION_COOKIE';

export interface LeftoverProcess {
  readonly pid: number;
  /** Its command line, or `[name]` where that cannot be read. */
  readonly command: string;
  /** false: it was still there when time was up. It hangs inside the kernel, or belongs to another user. */
  readonly killed: boolean;
}

/** A cookie for one session: the value of `COOKIE_NAME` in the environment of each of its children. */
export function createSessionMarker(): string {
  return randomUUID();
}

const SCAN_INTERVAL_MS = 10;

/** A process in the middle of an exec has no environment to be seen, for a moment. */
const CLEAN_SCANS = 2;

/** A fork bomb is killed, not read out: from here on only the programs' names are told. */
const MAX_COMMANDS = 100;

/**
 * Kills whatever is left of a session after its children were stopped, sweep after sweep until nothing is found.
 * Found are: the children's families, every process that was started with the cookie, everybody in the session of
 * such a process, and all their descendants. Not found is a process for which all of this is so: it was given an
 * environment without the cookie, nobody in its session has it, and its parent is gone.
 *
 * @param user whom the children ran as, when nothing else does: then whatever runs as that user in this container
 * (control group) is theirs too, cookie or not. Without CAP_SYS_PTRACE not even root may read another user's
 * environment, and the cookie is of no use.
 * @param withinMs when it is given up: what still lives then is reported with `killed: false`.
 * @returns everything that was found, in the order of discovery; nothing where there is no /proc.
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
  // The cookie is younger than this process, so who is older cannot have it. Whatever happens, never our own group.
  const candidates = processes.filter(
    ({ startTicks, group }) => startTicks >= (self?.startTicks ?? 0) && group !== self?.group,
  );
  const ours = await Promise.all(candidates.map(isOurs));
  const members = new Set(children.flatMap(child => membersOf(child, processes)));
  // A dying process loses its environment, its parent and its neighbours before it is gone: once known is enough.
  const leftovers = candidates.filter(
    (process, index) => ours[index] === true || members.has(process) || known.has(identityOf(process)),
  );
  return withDescendants(leftovers, candidates);
}

async function hasMarker({ pid }: Process, cookie: string, procRoot: string): Promise<boolean> {
  const environment = await environmentOf(pid, procRoot);
  return environment.includes(`${MARKER_VARIABLE}=${cookie}`);
}

/** Real, effective or saved: a set-user-id program that a child has started counts as well. */
async function runsAs({ pid }: Process, { uid }: User, procRoot: string): Promise<boolean> {
  if (!(await userIdsOf(pid, procRoot)).includes(uid)) return false;
  const [its, own] = await Promise.all([controlGroupsOf(pid, procRoot), controlGroupsOf('self', procRoot)]);
  return its === own;
}

/** Adds everybody in these processes' sessions, and their descendants, and everybody in those' sessions, and so on. */
function withDescendants(known: readonly Process[], candidates: readonly Process[]): readonly Process[] {
  const pids = new Set(known.map(({ pid }) => pid));
  // 0 is the session of whoever was put here from outside this container.
  const sessions = new Set(known.map(({ session }) => session).filter(session => session !== 0));
  const all = candidates.filter(
    ({ pid, parent, session }) => pids.has(pid) || pids.has(parent) || sessions.has(session),
  );
  return all.length === known.length ? all : withDescendants(all, candidates);
}

/** A pid may be taken again; with the time of its start it is one process. */
function identityOf({ pid, startTicks }: Process): string {
  return `${pid}@${startTicks}`;
}
