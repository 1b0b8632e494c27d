import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { unlessMissing } from '../files/errno.ts';

/**
 * Where a folder is below a root, if it is, though its path does not say so: a bind mount shows one folder at two places.
 * /proc/self/mountinfo (proc_pid_mountinfo(5)) tells what of a file system each mount shows; device and inode have to
 * agree, since something else may be mounted in between.
 * @param path real, as `root` is; its last folders need not be there yet
 * @returns undefined: it is not below the root, as far as can be told
 */
export async function pathBelow(root: string, path: string): Promise<string | undefined> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const mounts = mountinfo.split('\n').map(parseMount);
  const [shownRoot, shown] = [root, path].map(each => placeOf(each, mounts));
  if (shownRoot === undefined || shown?.device !== shownRoot.device) return undefined;
  const below = relative(shownRoot.path, shown.path);
  if (isOutside(below)) return undefined;
  const found = join(root, below);
  return (await isSame(path, found)) ? found : undefined;
}

interface Mount {
  readonly device: string;
  /** The folder of the file system that it shows. */
  readonly root: string;
  readonly at: string;
}

function parseMount(line: string): Mount {
  const [, , device = '', root = '', at = ''] = line.split(' ');
  const plain = (text: string) =>
    text.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return { device, root: plain(root), at: plain(at) };
}

/** A path within its file system: the last mount of the longest path is what is seen. */
function placeOf(path: string, mounts: readonly Mount[]): { device: string; path: string } | undefined {
  const [mount] = mounts
    .filter(({ at }) => at !== '' && !isOutside(relative(at, path)))
    .reverse()
    .sort((a, b) => b.at.length - a.at.length);
  return mount && { device: mount.device, path: join(mount.root, relative(mount.at, path)) };
}

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
