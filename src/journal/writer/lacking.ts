import { lstatSync } from 'node:fs';
import { isMissing } from '../../files/errno.ts';
import { type BytePath, toText } from '../format/byte-path.ts';
import { generationsOf, pathOf, type Suffix } from './database.ts';
import type { IndexedFile } from './file-index.ts';
import { isOutOfSight } from './node.ts';
import type { WriterState } from './state.ts';

/**
 * The files that the last scan found or a journal holds, and an archive does not, or not as much of: a disk that dies, a
 * working directory that was moved or replaced, a file that cannot be read. What was deleted or cut while the working
 * directory is what it was is no loss.
 * @param archived how many bytes of each file are in the archive
 */
export function lackingIn(
  { index, scanner }: Pick<WriterState, 'index' | 'scanner'>,
  archived: ReadonlyMap<BytePath, number>,
): string[] {
  const hasRoot = scanner.hasRoot();
  const lacking = new Set<string>();
  // What was removed may have gone with the working directory.
  const files = hasRoot ? [...index.files.values()] : [...index.files.values(), ...index.pendingRemoval];
  for (const file of files) {
    for (const [suffix, expected] of sizesOf(file)) {
      const path = `${file.node.path}${suffix}`;
      const bytes = archived.get(path);
      const isArchived = bytes !== undefined && bytes >= expected;
      if (!isArchived && !(hasRoot && isNoLoss(file, suffix, bytes))) lacking.add(toText(path));
    }
  }
  return [...lacking];
}

/** How large the file was, and its companions: when they were last looked at, or as far as segments hold them. */
function sizesOf(file: IndexedFile): Map<Suffix, number> {
  const sizes = new Map<Suffix, number>([['', file.node.stat.size]]);
  for (const [{ end }, { suffix, stat }] of generationsOf(file))
    sizes.set(suffix, Math.max(sizes.get(suffix) ?? 0, end, stat.size));
  return sizes;
}

function isNoLoss({ node }: IndexedFile, suffix: Suffix, bytes: number | undefined): boolean {
  if (isOutOfSight(node)) return false;
  try {
    const { size } = lstatSync(pathOf(node, suffix));
    return bytes !== undefined && size <= bytes;
  } catch (error) {
    return isMissing(error);
  }
}
