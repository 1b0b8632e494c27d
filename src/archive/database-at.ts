import { DATABASE_MAGIC } from '../files/database.ts';
import type { FileCalls } from '../files/open.ts';

/** Whether there is a file that begins as a SQLite database does; one that cannot be read is none. */
export async function isDatabaseAt(path: Buffer, files: FileCalls): Promise<boolean> {
  try {
    const fd = await files.open(path);
    try {
      if (!(await files.fstat(fd)).isFile()) return false;
      const begin = Buffer.alloc(DATABASE_MAGIC.length);
      await files.read(fd, begin);
      return begin.equals(DATABASE_MAGIC);
    } finally {
      await files.close(fd);
    }
  } catch (error) {
    // Nothing of it will be in the archive either.
    if (error instanceof Error) return false;
    throw error;
  }
}
