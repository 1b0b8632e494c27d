import { mkdir, rmdir, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { hasCode, isMissing } from '../files/errno.ts';

const RETRY_MS = 10;
/** Work under a lock takes milliseconds: a lock of this age was left by a process that was killed. */
const STALE_MS = 10_000;

/**
 * Runs `work` while no other process of this machine holds the same lock.
 * @param folder the lock: it exists while the lock is held. The folder above it exists.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  while (!(await tryLock(folder))) {
    await removeStale(folder);
    await setTimeout(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await release(folder);
  }
}

/** mkdir fails when the folder exists: of several callers, one makes it. */
async function tryLock(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    return false;
  }
}

async function release(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    // Work that took long was taken for that of a killed process: what it did is done all the same.
    if (!isMissing(error)) throw error;
  }
}

async function removeStale(folder: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(folder);
    if (Date.now() - mtimeMs >= STALE_MS) await rmdir(folder);
  } catch (error) {
    // It was released, or removed by another process, meanwhile.
    if (!isMissing(error)) throw error;
  }
}
