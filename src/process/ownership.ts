import { chmod, chown, lchown, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { User } from './user.ts';

const STICKY_AND_GROUP_WRITES = 0o1070;

/**
 * Lets a user make files in a folder. The user does not become its owner, and the sticky bit prevents the user from
 * removing or renaming other users' files there: the supervisor's log, the children's logs, the control socket.
 * @throws when owner or mode have to be changed and cannot be
 */
export async function makeWritableFor(folder: string, { uid, gid }: User): Promise<void> {
  const found = await stat(folder);
  const owner = found.uid === uid ? 0 : found.uid;
  const mode = (found.mode & 0o7777) | STICKY_AND_GROUP_WRITES;
  // chown(2) may clear bits of the mode, so that chmod comes second.
  if (owner !== found.uid || gid !== found.gid) await chown(folder, owner, gid);
  if (mode !== (found.mode & 0o7777)) await chmod(folder, mode);
}

/**
 * Makes a user the owner of a folder and of everything in it. Links are not followed; a file with a second hard link
 * keeps its owner, since that link may be anywhere.
 * @throws when an owner cannot be changed
 */
export async function chownTree(path: string, user: User): Promise<void> {
  const found = await lstat(path);
  const isShared = !found.isDirectory() && found.nlink > 1;
  const isOwned = found.uid === user.uid && found.gid === user.gid;
  if (!isShared && !isOwned) await lchown(path, user.uid, user.gid);
  if (!found.isDirectory()) return;
  await Promise.all((await readdir(path)).map(name => chownTree(join(path, name), user)));
}
