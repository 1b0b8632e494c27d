import { chmod, chown, lchown, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { User } from './user.ts';

const STICKY_AND_GROUP_WRITES = 0o1070;

/**
 * Lets a user make files in a folder. The folder does not become the user's own, and its sticky bit keeps the user
 * from removing or renaming what belongs to others there: the supervisor's log, the children's logs, the door.
 * @throws when the folder can be neither used as it is nor changed.
 */
export async function makeWritableFor(folder: string, { uid, gid }: User): Promise<void> {
  const found = await stat(folder);
  const owner = found.uid === uid ? 0 : found.uid;
  const mode = (found.mode & 0o7777) | STICKY_AND_GROUP_WRITES;
  // Changing the owner clears bits of the mode, so that comes second.
  if (owner !== found.uid || gid !== found.gid) await chown(folder, owner, gid);
  if (mode !== (found.mode & 0o7777)) await chmod(folder, mode);
}

/**
 * Makes a folder, and everything in it, a user's own. Links are not followed; a file that has a second name keeps
 * its owner, since the other name may stand anywhere.
 * @throws when an owner cannot be changed.
 */
export async function chownTree(path: string, user: User): Promise<void> {
  const found = await lstat(path);
  const isShared = !found.isDirectory() && found.nlink > 1;
  const isGiven = found.uid === user.uid && found.gid === user.gid;
  if (!isShared && !isGiven) await lchown(path, user.uid, user.gid);
  if (!found.isDirectory()) return;
  await Promise.all((await readdir(path)).map(name => chownTree(join(path, name), user)));
}
