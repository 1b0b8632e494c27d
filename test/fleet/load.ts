import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What a process has used up to now. */
export interface Load {
  readonly atMs: number;
  readonly cpuMs: number;
  /** The most memory that it ever had resident. */
  readonly mostBytes: number;
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** @throws when the process has ended */
export function loadOf(pid: number): Load {
  // proc(5): user and system time are fields 14 and 15; the name, field 2, may hold blanks.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const mostKb = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    atMs: performance.now(),
    cpuMs: (ticks / TICKS_PER_SECOND) * 1_000,
    mostBytes: Number(mostKb) * 1_024,
  };
}

/** The share of one core that a process was busy for between two looks. */
export function shareOfCore(before: Load, after: Load): number {
  return (after.cpuMs - before.cpuMs) / (after.atMs - before.atMs);
}
