import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../runtime/abort.ts';
import type { Child } from './child.ts';
import type { ExitStatus } from './exit-status.ts';
import { isGroupAlive, signalGroup } from './process-group.ts';

export interface StopOptions {
  /** Said on the console first; undefined: nothing is said. */
  readonly consoleCommand?: string | undefined;
  /** How long to leave the child alone before anything is asked of it. */
  readonly settleMs?: number;
  /** From being asked to SIGKILL. A console command has the first half of it, SIGTERM what is left. */
  readonly graceMs: number;
  /** When aborted, SIGKILL is sent at once: a deadline, or somebody's second Ctrl-C. */
  readonly killNow?: AbortSignal | undefined;
  /** Called with each step as it is taken. @param afterMs since the stop began */
  readonly onStep?: (step: StopStep, afterMs: number) => void;
}

export type StopStep = 'console' | 'SIGTERM' | 'SIGKILL';

export interface StopRecord {
  /** What it took, in order; none: everything had ended by itself. */
  readonly steps: readonly StopStep[];
  /** undefined: not even SIGKILL has ended it (a process that hangs inside the kernel). */
  readonly exit: ExitStatus | undefined;
  readonly ms: number;
}

/** SIGKILL needs no time to speak of, except for what hangs inside the kernel. */
const SIGKILL_WAIT_MS = 2_000;

/**
 * Ends a child and its whole family: the console command, then SIGTERM, then SIGKILL, each only while something is
 * alive, and the next step, or the return, as soon as nothing is. It takes at most `quietMs + graceMs` and two
 * seconds, and only these two seconds once `killNow` is aborted; it never rejects.
 */
export async function stopChild(child: Child, options: StopOptions, procRoot = '/proc'): Promise<StopRecord> {
  const { consoleCommand, settleMs = 0, graceMs, killNow } = options;
  const steps: StopStep[] = [];
  const startedMs = performance.now();
  const record = (step: StopStep) => {
    steps.push(step);
    options.onStep?.(step, performance.now() - startedMs);
  };
  const waitForGroupExit = (withinMs: number) => groupExited(child, withinMs, killNow, procRoot);

  let gone = await waitForGroupExit(settleMs);
  const killAtMs = performance.now() + graceMs;
  if (!gone && consoleCommand !== undefined && !killNow?.aborted) {
    if (await consoleAccepted(child.sendCommand(consoleCommand), graceMs / 2)) {
      record('console');
      gone = await waitForGroupExit(killAtMs - graceMs / 2 - performance.now());
    }
  }
  if (!gone && !killNow?.aborted) {
    record('SIGTERM');
    signalGroup(child, 'SIGTERM', procRoot);
    // A stopped process (SIGSTOP, a debugger) sees the SIGTERM only when it goes on.
    signalGroup(child, 'SIGCONT', procRoot);
    gone = await waitForGroupExit(killAtMs - performance.now());
  }
  if (!gone) {
    record('SIGKILL');
    killChild(child, procRoot);
    await groupExited(child, SIGKILL_WAIT_MS, undefined, procRoot);
  }
  const exit = child.endedAtMs === undefined ? undefined : await child.exited;
  return { steps, exit, ms: performance.now() - startedMs };
}

/** Kills a child and its family at once, without waiting: the last resort, when nobody has time for a ladder. */
export function killChild(child: Child, procRoot = '/proc'): void {
  signalGroup(child, 'SIGKILL', procRoot);
}

/** Whether a line was taken in time; a console that nobody reads is full at some point. */
async function consoleAccepted(said: Promise<boolean>, withinMs: number): Promise<boolean> {
  return (await within(withinMs, said)) ?? false;
}

/** Waits until the whole family is dead. @returns false when time is up, or `hurry` is aborted, before that. */
async function groupExited(
  child: Child,
  withinMs: number,
  killNow: AbortSignal | undefined,
  procRoot: string,
): Promise<boolean> {
  const untilMs = performance.now() + withinMs;
  await within(withinMs, child.exited, killNow);
  // The leader may exit first; its group can still hold a stubborn grandchild, and nothing tells of its end.
  for (let pauseMs = 5; child.endedAtMs !== undefined; pauseMs = Math.min(2 * pauseMs, 50)) {
    if (!isGroupAlive(child, procRoot)) return true;
    if (killNow?.aborted || performance.now() >= untilMs) return false;
    await delay(pauseMs);
  }
  return false;
}
