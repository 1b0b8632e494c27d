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

/** Whether a journal's time is one that stands for all that are further away. */
export function isFurthest(ms: number): boolean {
  return Math.abs(ms) === FURTHEST_MS;
}

/** Of a stat's time: rounded down, also before 1970. */
export function toMs(ns: bigint): number {
  const ms = ns / 1_000_000n;
  return withinDates(Number(ns < ms * 1_000_000n ? ms - 1n : ms));
}

/** A stat's time as a journal has it: milliseconds, and the nanoseconds after them (0 to 999,999). */
export function toMtime(ns: bigint): { readonly mtimeMs: number; readonly mtimeNs: number } {
  const mtimeMs = toMs(ns);
  const rest = ns - BigInt(mtimeMs) * 1_000_000n;
  return { mtimeMs, mtimeNs: rest >= 0n && rest < 1_000_000n ? Number(rest) : 0 };
}

/**
 * A time as node:fs sets it: seconds as a double, so that a tenth of a microsecond may be lost, and none of the
 * milliseconds. Before 1970 Node takes only Dates: whole milliseconds.
 */
export function toSettable(mtimeMs: number, mtimeNs: number): number | Date {
  return mtimeMs < 0 ? new Date(mtimeMs) : (mtimeMs + Math.max(mtimeNs / 1e6, 0.001)) / 1000;
}
