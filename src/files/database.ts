/** What every SQLite database begins with: https://www.sqlite.org/fileformat2.html#the_database_header */
export const DATABASE_MAGIC = Buffer.from('SQLite format 3\0');

/**
 * What the names of the files that are part of a SQLite database add to its own: the rollback journal and the
 * write-ahead log. `-shm` is none of them: the first program to open the database makes it anew out of `-wal`.
 * https://www.sqlite.org/fileformat2.html, https://www.sqlite.org/wal.html
 */
export const COMPANIONS = ['-journal', '-wal'] as const;

/** The path of the database that a file is a companion of, if it is one: its name alone tells. */
export function mainPath(path: Buffer): Buffer | undefined {
  const suffix = SUFFIXES.find(end => path.subarray(-end.length).equals(end));
  return suffix && path.subarray(0, -suffix.length);
}

const SUFFIXES = COMPANIONS.map(suffix => Buffer.from(suffix));
