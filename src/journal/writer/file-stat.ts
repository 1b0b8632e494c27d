import { type BigIntStats, lstatSync } from 'node:fs';

/** What a stat says of a file, as far as the journal cares. */
export interface Look {
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
  a: Pick<Look, 'dev' | 'ino' | 'birthtimeNs'>,
  b: Pick<Look, 'dev' | 'ino' | 'birthtimeNs'>,
): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.birthtimeNs === b.birthtimeNs;
}

/** undefined: nothing is there, or it cannot be looked at. */
export function lookNow(at: string | Buffer): Look | undefined {
  try {
    const stats = lstatSync(at, { bigint: true, throwIfNoEntry: false });
    return stats && toLook(stats);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

export function toLook(stats: BigIntStats): Look {
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

export function hasVanished(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
