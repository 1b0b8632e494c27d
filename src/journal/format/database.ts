/**
 * What the names of the files that are part of a SQLite database add to its own: the rollback journal and the
 * write-ahead log. `-shm` is none of them: the first program to open the database makes it anew out of `-wal`.
 * https://www.sqlite.org/fileformat2.html, https://www.sqlite.org/wal.html
 */
export const COMPANIONS = ['-journal', '-wal'] as const;
