import { type BigIntStats, lstatSync } from 'node:fs';

/** The fields of a stat that tell a file and its version. */
export interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly birthtimeNs: bigint;
  readonly size: number;
  /** The permission bits. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** An inode number is given to another file as soon as it is free: the time of birth tells the two apart. */
export function isSameFile(
  a: Pick<FileStat, 'dev' | 'ino' | 'birthtimeNs'>,
  b: Pick<FileStat, 'dev' | 'ino' | 'birthtimeNs'>,
): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.birthtimeNs === b.birthtimeNs;
}

/** What tells a folder from another one. */
export type FolderId = Pick<FileStat, 'dev' | 'ino'>;

/** Without the time of birth: overlayfs gives a folder another one at the first write into it. */
export function isSameFolder(a: FolderId, b: FolderId): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/** undefined: there is nothing at the path, or its stat cannot be read. */
export function statNow(path: string | Buffer): FileStat | undefined {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
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
