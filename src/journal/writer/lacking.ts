import { lstatSync } from 'node:fs';
import { isMissing } from '../../files/errno.ts';
import { type BytePath, toText } from '../format/byte-path.ts';
import type { IndexedFile } from './file-index.ts';
import type { WriterState } from './state.ts';

/**
 * The files that a journal holds, and an archive does not, or not as much of: a disk that dies, a working directory that
 * was moved or replaced, a file that cannot be read. What was deleted or cut while the working directory is what it was
 * is no loss.
 * @param archived how many bytes of each file are in the archive
 */
export function lackingIn(
  { index, scanner }: Pick<WriterState, 'index' | 'scanner'>,
  archived: ReadonlyMap<BytePath, number>,
): string[] {
  const hasRoot = scanner.hasRoot();
  const lacking: string[] = [];
  for (const file of index.files.values()) {
    const { path } = file.node;
    const bytes = archived.get(path);
    const isArchived = bytes !== undefined && bytes >= (file.current?.end ?? 0);
    if (!isArchived && !(hasRoot && isNoLoss(file, bytes))) lacking.push(toText(path));
  }
  return lacking;
}

function isNoLoss({ node }: IndexedFile, bytes: number | undefined): boolean {
  try {
    const { size } = lstatSync(node.fsPath);
    return bytes !== undefined && size <= bytes;
  } catch (error) {
    return isMissing(error);
  }
}
