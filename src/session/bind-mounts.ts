import { stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { unlessMissing } from '../files/errno.ts';
import { type Mount, readMounts } from '../files/mounts.ts';

/**
 * Where a folder is below a root, if it is, though its path does not say so: a bind mount shows one folder at two places.
 * /proc/self/mountinfo tells what of a file system each mount shows; device and inode have to
 * agree, since something else may be mounted in between.
 * @param path real, as `root` is; its last folders need not be there yet
 * @returns undefined: it is not below the root, as far as can be told
 */
export async function pathBelow(root: string, path: string): Promise<string | undefined> {
  const mounts = readMounts();
  const [shownRoot, shown] = [root, path].map(each => placeOf(toBytes(each), mounts));
  if (shownRoot === undefined || shown?.device !== shownRoot.device) return undefined;
  const below = relative(shownRoot.path, shown.path);
  if (isOutside(below)) return undefined;
  const found = join(root, fromBytes(below));
  return (await isSame(path, found)) ? found : undefined;
}

/** A path within its file system: the last mount of the longest path is what is seen. */
function placeOf(path: string, mounts: readonly Mount[]): { device: string; path: string } | undefined {
  const [mount] = mounts
    .filter(({ at }) => at !== '' && !isOutside(relative(at, path)))
    .reverse()
    .sort((a, b) => b.at.length - a.at.length);
  return mount && { device: mount.device, path: join(mount.root, relative(mount.at, path)) };
}

/** A path as mounts have them: its bytes in latin1. */
const toBytes = (path: string) => Buffer.from(path).toString('latin1');
const fromBytes = (path: string) => Buffer.from(path, 'latin1').toString();

function isOutside(below: string): boolean {
  return below === '..' || below.startsWith('../');
}

/** Of the last folders that are there. */
async function isSame(path: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([path, other].map(each => unlessMissing(stat(each))));
  if (a === undefined && b === undefined && path !== dirname(path))
    return isSame(dirname(path), dirname(other));
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}
