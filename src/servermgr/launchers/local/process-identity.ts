import { parseStat, readProcess } from '../../../process/procfs.ts';

/** Names one process for ever: the kernel reuses process IDs. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start; undefined where there is no /proc. */
  readonly startTicks: number | undefined;
}

/**
 * @param text what `/proc/PID/stat` contained, or a process ID alone
 * @returns undefined: the text is neither
 */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const pid = Number.parseInt(text, 10);
  if (!(pid > 1)) return undefined;
  return { pid, startTicks: text.includes(')') ? parseStat(text)?.startTicks : undefined };
}

/** Whether that very process runs. A zombie does not. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  return startTicks === undefined ? acceptsSignals(pid) : readProcess(pid)?.startTicks === startTicks;
}

function acceptsSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // ESRCH: there is no such process; EPERM: it belongs to another user, so it is not ours.
    return false;
  }
}
