import { type BigIntStats, lstatSync } from 'node:fs';

/** What a stat says of a file, as far as the journal cares. */
export interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly birthtimeNs: bigint;
  readonly size: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** An inode's number is given to another file as soon as it is free: its time of birth tells the two apart. */
export function isSameFile(
  a: Pick<FileStat, 'dev' | 'ino' | 'birthtimeNs'>,
  b: Pick<FileStat, 'dev' | 'ino' | 'birthtimeNs'>,
): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.birthtimeNs === b.birthtimeNs;
}

/** undefined: nothing is there, or it cannot be looked at. */
export function statNow(at: string | Buffer): FileStat | undefined {
  try {
    const stats = lstatSync(at, { bigint: true, throwIfNoEntry: false });
    return stats && toFileStat(stats);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

export function toFileStat(stats: BigIntStats): FileStat {
  return {
    dev: stats.dev,
    ino: stats.ino,
    birthtimeNs: stats.birthtimeNs,
    size: Number(stats.size),
    mode: Number(stats.mode) & 0o7777,
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
  };
}
