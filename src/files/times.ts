/** The latest moment that a Date holds, in the year 275760; the earliest is as far before 1970. File systems keep others. */
const FURTHEST_MS = 8.64e15;

/** Whether an archive, or a journal, cannot keep a file's time: the nearest that it can is kept. */
export function isBeyondDates(ms: number): boolean {
  return Math.abs(ms) > FURTHEST_MS;
}

/** The nearest time that a Date holds. */
export function withinDates(ms: number): number {
  return Math.min(Math.max(ms, -FURTHEST_MS), FURTHEST_MS);
}

/** Of a stat's time: rounded down, also before 1970. */
export function toMs(ns: bigint): number {
  const ms = ns / 1_000_000n;
  return withinDates(Number(ns < ms * 1_000_000n ? ms - 1n : ms));
}
