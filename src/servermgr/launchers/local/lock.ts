import { mkdir, rename, rmdir, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

const RETRY_MS = 10;
/** Work under the lock takes milliseconds: whoever has held it for so long was killed. */
const STALE_MS = 10_000;

/**
 * Does something while no other instance of this machine does: a folder can be made only once.
 * @param folder of the lock; the folder above it is there.
 */
export async function alone<T>(folder: string, work: () => Promise<T>): Promise<T> {
  while (!(await isTaken(folder))) {
    await takeAwayStale(folder);
    await setTimeout(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await rmdir(folder);
  }
}

async function isTaken(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** Of several who find it stale, one renames it. */
async function takeAwayStale(folder: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(folder);
    if (Date.now() - mtimeMs < STALE_MS) return;
    const aside = `${folder}.${process.pid}`;
    await rename(folder, aside);
    await rmdir(aside);
  } catch (error) {
    // It has been given back, or taken away, meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
