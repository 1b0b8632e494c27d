import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessMissing } from '../../../files/errno.ts';
import type { Log } from '../../../runtime/log.ts';
import { withLock } from '../../lock.ts';
import { RECORD_FILE, UNRECORDED_FILES } from './record.ts';
import { IDEMPOTENCY_KEY, LOCK, REMOVED } from './records.ts';
import { isWritten, RECOVERY_LOG } from './recovery.ts';

const INTERVAL_MS = 3_600_000;
/** By then nobody is at it any more. */
const AGE_MS = 24 * 3_600_000;

/**
 * Clears what crashes have left among the records of the sessions: folders without a record, those whose removal was
 * not finished, and the logs of recoveries. A folder that holds anything else stays, and is told of once.
 * @returns to be called often: it does something once an hour
 */
export function createSweep(home: string, log: Log): () => void {
  let sweptMs = Number.NEGATIVE_INFINITY;
  const told = new Set<string>();

  async function sweep(): Promise<void> {
    for (const name of (await unlessMissing(readdir(home))) ?? []) {
      const path = join(home, name);
      const { mtimeMs = Number.POSITIVE_INFINITY } = (await unlessMissing(stat(path))) ?? {};
      const isOld = Date.now() - mtimeMs >= AGE_MS;
      if (name.startsWith(REMOVED)) await rm(path, { recursive: true, force: true });
      else if (isOld && IDEMPOTENCY_KEY.test(name)) await sweepFolder(path);
      else if (isOld && RECOVERY_LOG.test(name) && !(await isWritten(path))) await rm(path, { force: true });
    }
  }

  async function sweepFolder(folder: string): Promise<void> {
    const kept = await withLock(join(home, LOCK), () => removeUnrecorded(folder));
    if (kept.length === 0 || told.has(folder)) return;
    told.add(folder);
    log.warn(
      { event: 'leftover_kept', folder, holds: kept },
      `a folder without a record holds ${kept.join(', ')}, and is kept: ${folder}`,
    );
  }

  return () => {
    if (performance.now() - sweptMs < INTERVAL_MS) return;
    sweptMs = performance.now();
    void sweep().catch((error: unknown) => {
      log.warn({ event: 'sweep_failed', err: error, folder: home }, 'leftovers could not be cleared');
    });
  };
}

/** Removes the folder of a session that never came to be. @returns what it holds that keeps it */
async function removeUnrecorded(folder: string): Promise<readonly string[]> {
  const names = (await unlessMissing(readdir(folder))) ?? [];
  if (names.includes(RECORD_FILE)) return [];
  const { workdir, part } = UNRECORDED_FILES;
  const inside = names.includes(workdir) ? await readdir(join(folder, workdir)) : [];
  const kept = [
    ...names.filter(name => name !== workdir && name !== part),
    ...inside.map(name => join(workdir, name)),
  ];
  if (kept.length > 0) return kept;
  await rm(join(folder, part), { force: true });
  // Folders that are empty, or an error: nothing that somebody has written meanwhile is lost.
  await unlessMissing(rmdir(join(folder, workdir)));
  await unlessMissing(rmdir(folder));
  return [];
}
