import { readFileSync } from 'node:fs';

/** One process for ever: a pid alone is given out again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start; undefined where there is no /proc to ask. */
  readonly startTicks: number | undefined;
}

/** Reads what `/proc/PID/stat` said, or a bare pid. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const pid = Number.parseInt(text, 10);
  if (!(pid > 1)) return undefined;
  const stat = parseStat(text);
  return { pid, startTicks: stat?.startTicks };
}

/** Whether that very process runs. A zombie is dead. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  try {
    if (startTicks === undefined) return process.kill(pid, 0);
    const now = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return now !== undefined && now.startTicks === startTicks && now.state !== 'Z' && now.state !== 'X';
  } catch {
    // No such process, or none of ours.
    return false;
  }
}

/** The format is in proc(5): fields are counted from 1, and the second may hold spaces and parentheses. */
function parseStat(stat: string): { state: string; startTicks: number } | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = Number(fields[22 - 3]);
  const state = fields[0];
  return stat.includes(')') && state !== undefined && Number.isFinite(startTicks)
    ? { state, startTicks }
    : undefined;
}
