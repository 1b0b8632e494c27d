import { lstat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { unlessMissing } from './errno.ts';

/** A folder's path leads through a link that another user has made. */
export class ForeignLinkError extends Error {
  override readonly name = 'ForeignLinkError';

  constructor(link: string) {
    super(`${link} is a link that another user has made`);
  }
}

/**
 * Refuses to write into a folder that a link below `root` leads to, unless the link is this user's or root's: a child
 * that may write there could otherwise have the supervisor write anywhere. What is not there yet is no link. The kernel
 * does the same in folders that everybody may write to (fs.protected_symlinks).
 * @param root a folder that is trusted, as are those above it
 * @param folder one below it; nothing is looked at of one that is elsewhere
 * @throws {ForeignLinkError}
 */
export async function rejectForeignLinks(root: string, folder: string): Promise<void> {
  const names = relative(root, folder).split('/');
  if (names[0] === '' || names[0] === '..') return;
  let path = root;
  for (const name of names) {
    path = join(path, name);
    const found = await unlessMissing(lstat(path));
    if (found === undefined) return;
    const isTrusted = found.uid === 0 || found.uid === process.geteuid?.();
    if (found.isSymbolicLink() && !isTrusted) throw new ForeignLinkError(path);
  }
}
