import { lstat, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { moveBeside } from '../../files/atomic-write.ts';
import { unlessMissing } from '../../files/errno.ts';
import { rejectForeignLinks } from '../../files/foreign-links.ts';
import { LOG, READY_FOLDER } from './ready-settings.ts';

/**
 * Keeps the log of an earlier session, which the plug-in `logging` cuts to nothing when it starts: as `logging.1.bin` and
 * so on, and the settings that it has the hashes of as `cuberite_ready.1`.
 * @param folder absolute path: where the server runs, in the working directory
 * @throws {ForeignLinkError} when the folder is a link that another user has made; the system's error when a name cannot
 *   be given
 */
export async function keepEarlierLog(folder: string, workdir: string): Promise<void> {
  await rejectForeignLinks(workdir, folder);
  const found = await unlessMissing(lstat(join(folder, LOG)));
  if (found === undefined || found.size === 0) return;
  let n = 1;
  while (await isThere(join(folder, kept(n)))) n += 1;
  await moveBeside(join(folder, LOG), join(folder, kept(n)));
  const ready = join(workdir, READY_FOLDER);
  const readyThen = `${ready}.${n}`;
  const settings = await unlessMissing(lstat(ready));
  // What somebody else has made there is left to them.
  const isOurs = settings?.isDirectory() === true && settings.uid === process.getuid?.();
  if (!isOurs || (await isThere(readyThen))) return;
  await moveBeside(ready, readyThen);
  await rm(join(readyThen, LOG), { force: true });
  await symlink(join('..', 'cuberite', kept(n)), join(readyThen, LOG));
}

function kept(n: number): string {
  return `logging.${n}.bin`;
}

async function isThere(path: string): Promise<boolean> {
  return (await unlessMissing(lstat(path))) !== undefined;
}
