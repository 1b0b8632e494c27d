import { setTimeout as delay } from 'node:timers/promises';
import { newUuid } from '../runtime/uuid.ts';
import type { Child } from './child.ts';
import { askGroupsToEnd, membersOf, signalGroups, withKin } from './process-group.ts';
import {
  commandOf,
  controlGroupsOf,
  environmentOf,
  listProcesses,
  type Process,
  userIdsOf,
} from './procfs.ts';
import type { StopStep } from './stop.ts';
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
  /** The signals that it has got, in order. */
  readonly stoppedBy: readonly StopStep[];
}

export interface LeftoverOptions {
  /**
   * The user of the children, where nothing else runs as that user: then every process of this user in this container
   * (control group) belongs to the session, marked or not. Without CAP_SYS_PTRACE not even root may read the
   * environment of another user's process, and no marker is found.
   */
  readonly user?: User | undefined;
  /** From the SIGTERM to SIGKILL; 0 unless given: then SIGKILL is the first step. */
  readonly graceMs?: number;
  /** SIGKILL is sent as soon as this is aborted. */
  readonly killNow?: AbortSignal | undefined;
  /** Process groups that have got their SIGTERM already. */
  readonly asked?: ReadonlySet<number>;
  /** The time limit from the SIGKILL on: what is alive then is reported with `killed: false`. */
  readonly withinMs?: number;
  readonly procRoot?: string;
}

/** The value of `MARKER_VARIABLE` for one session: to be put into the environment of each of its children. */
export function createSessionMarker(): string {
  return newUuid();
}

const SCAN_INTERVAL_MS = 10;

/** While those that were found may end by themselves. */
const GRACE_SCAN_INTERVAL_MS = 50;

/** Scans in a row that must find nothing: during an exec a process has no environment for a moment. */
const CLEAN_SCANS = 2;

/** The command lines of so many processes are read; of further ones, as of a fork bomb's, only the name is known. */
const MAX_COMMANDS = 100;

/**
 * Ends the processes of a session that are alive after its children were stopped, by SIGTERM and then by SIGKILL; looks
 * for them until nothing is found.
 *
 * It finds the children's process groups, every process with the session's marker in its environment, every process
 * in the session (setsid) of such a process, and all their descendants. It misses a process that was started without
 * the marker, in a session in which no process has it, and whose parent is gone.
 *
 * @param marker as of `createSessionMarker`
 * @returns everything that was found, in the order of discovery; nothing where there is no /proc
 */
export async function killLeftovers(
  marker: string,
  children: readonly Child[],
  options: LeftoverOptions = {},
): Promise<readonly LeftoverProcess[]> {
  const { user, graceMs = 0, killNow, withinMs = 3_000, procRoot = '/proc' } = options;
  const killAtMs = performance.now() + graceMs;
  let giveUpAtMs = Number.POSITIVE_INFINITY;
  const isOurs = async (process: Process) =>
    (await hasMarker(process, marker, procRoot)) ||
    (user !== undefined && (await runsAs(process, user, procRoot)));
  const asked = new Set(options.asked);
  const known = new Map<string, Leftover>();
  for (let cleanScans = 0; ; ) {
    const found = await findLeftovers(isOurs, children, known, procRoot);
    for (const process of found.filter(process => !known.has(identityOf(process)))) {
      const tooMany = known.size >= MAX_COMMANDS;
      const command = tooMany ? `[${process.name}]` : await commandOf(process, procRoot);
      const stoppedBy = new Set<StopStep>(asked.has(process.group) ? ['SIGTERM'] : []);
      known.set(identityOf(process), { pid: process.pid, command, stoppedBy });
    }
    const nowMs = performance.now();
    const isKilling = killNow?.aborted === true || nowMs >= killAtMs;
    if (isKilling) {
      giveUpAtMs = Math.min(giveUpAtMs, nowMs + withinMs);
      signalGroups(found, 'SIGKILL');
      record(found, 'SIGKILL', known);
    } else {
      const unasked = found.filter(({ group }) => !asked.has(group));
      for (const group of askGroupsToEnd(unasked)) asked.add(group);
      record(unasked, 'SIGTERM', known);
    }
    cleanScans = found.length === 0 ? cleanScans + 1 : 0;
    if (cleanScans === CLEAN_SCANS || nowMs >= giveUpAtMs) {
      const alive = new Set(found.map(identityOf));
      return Array.from(known, ([identity, { pid, command, stoppedBy }]) => {
        return { pid, command, killed: !alive.has(identity), stoppedBy: [...stoppedBy] };
      });
    }
    await delay(isKilling || found.length === 0 ? SCAN_INTERVAL_MS : GRACE_SCAN_INTERVAL_MS);
  }
}

interface Leftover extends Pick<LeftoverProcess, 'pid' | 'command'> {
  readonly stoppedBy: Set<StopStep>;
}

function record(processes: readonly Process[], step: StopStep, known: ReadonlyMap<string, Leftover>): void {
  for (const process of processes) known.get(identityOf(process))?.stoppedBy.add(step);
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
  return withKin(leftovers, candidates);
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

/** A pid may be reused; with the start time it names one process. */
function identityOf({ pid, startTicks }: Process): string {
  return `${pid}@${startTicks}`;
}
