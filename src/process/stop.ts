import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../runtime/abort.ts';
import type { Child } from './child.ts';
import type { ExitStatus } from './exit-status.ts';
import { askToEnd, isGroupAlive, signalGroup } from './process-group.ts';

export interface StopOptions {
  /** Sent to the console before SIGTERM; undefined: SIGTERM is the first step. */
  readonly consoleCommand?: string | undefined;
  /** How long to wait for the child to end by itself before the first step; 0 unless given. */
  readonly settleMs?: number;
  /** From the first step to SIGKILL. A console command has the first half of it, SIGTERM what is left. */
  readonly graceMs: number;
  /** SIGKILL is sent as soon as this is aborted: by a deadline, or by a second Ctrl-C. */
  readonly killNow?: AbortSignal | undefined;
  /** Called with each step as it is taken. @param afterMs since the stop began */
  readonly onStep?: (step: StopStep, afterMs: number) => void;
  /** Called with the process groups that have got SIGTERM, those of descendants outside of the child's session too. */
  readonly onAsked?: (groups: ReadonlySet<number>) => void;
}

export type StopStep = 'console' | 'SIGTERM' | 'SIGKILL';

export interface StopRecord {
  /** The steps that were needed, in order; none: everything had ended by itself. */
  readonly steps: readonly StopStep[];
  /** undefined: alive even after SIGKILL (a process that hangs inside the kernel). */
  readonly exit: ExitStatus | undefined;
  /** How long it took, in all. */
  readonly ms: number;
}

/** SIGKILL takes effect within milliseconds, except on a process that hangs inside the kernel. */
const SIGKILL_WAIT_MS = 2_000;

/**
 * Stops a child and its whole process group: the console command, then SIGTERM, then SIGKILL. Each step is taken only
 * while something of the group is alive, and the next one, or the return, follows as soon as nothing is. Descendants
 * in sessions of their own get the SIGTERM as well, and are not waited for: see leftovers.ts.
 *
 * Takes at most `settleMs + graceMs` and two seconds, and only these two seconds once `killNow` is aborted; never
 * rejects.
 */
export async function stopChild(child: Child, options: StopOptions, procRoot = '/proc'): Promise<StopRecord> {
  const { consoleCommand, settleMs = 0, graceMs, killNow, onStep, onAsked } = options;
  const steps: StopStep[] = [];
  const startedMs = performance.now();
  const record = (step: StopStep) => {
    steps.push(step);
    onStep?.(step, performance.now() - startedMs);
  };
  const waitForGroupExit = (withinMs: number) => groupExited(child, withinMs, killNow, procRoot);

  let exited = await waitForGroupExit(settleMs);
  const killAtMs = performance.now() + graceMs;
  if (!exited && consoleCommand !== undefined && !killNow?.aborted) {
    if (await consoleAccepted(child.sendCommand(consoleCommand), graceMs / 2)) {
      record('console');
      exited = await waitForGroupExit(killAtMs - graceMs / 2 - performance.now());
    }
  }
  if (!exited && !killNow?.aborted) {
    record('SIGTERM');
    const asked = askToEnd(child, procRoot);
    onAsked?.(asked);
    exited = await waitForGroupExit(killAtMs - performance.now());
  }
  if (!exited) {
    record('SIGKILL');
    killChild(child, procRoot);
    await groupExited(child, SIGKILL_WAIT_MS, undefined, procRoot);
  }
  const exit = child.endedAtMs === undefined ? undefined : await child.exited;
  return { steps, exit, ms: performance.now() - startedMs };
}

/** Sends SIGKILL to a child and its process group at once, without waiting. */
export function killChild(child: Child, procRoot = '/proc'): void {
  signalGroup(child, 'SIGKILL', procRoot);
}

/** Whether a line was written in time: the pipe of a child that does not read is full at some point. */
async function consoleAccepted(written: Promise<boolean>, withinMs: number): Promise<boolean> {
  return (await within(withinMs, written)) ?? false;
}

/** Waits until nothing of the group is alive. @returns false when time is up, or `killNow` is aborted, before that. */
async function groupExited(
  child: Child,
  withinMs: number,
  killNow: AbortSignal | undefined,
  procRoot: string,
): Promise<boolean> {
  const untilMs = performance.now() + withinMs;
  await within(withinMs, child.exited, killNow);
  // The leader may exit first; its group can still hold a stubborn grandchild, whose end no event announces.
  for (let pauseMs = 5; child.endedAtMs !== undefined; pauseMs = Math.min(2 * pauseMs, 50)) {
    if (!isGroupAlive(child, procRoot)) return true;
    if (killNow?.aborted || performance.now() >= untilMs) return false;
    await delay(pauseMs);
  }
  return false;
}
