import type { BytePath } from '../format/byte-path.ts';
import type { FileIndex } from './file-index.ts';

/**
 * Whether entries of this generation go without its number: those of the first generation that has the path.
 * @param generation `NO_GENERATION`: from now on none does
 */
export function hasPlainName(index: FileIndex, path: BytePath, generation: number): boolean {
  const owner = index.plainNames.get(path);
  if (owner !== undefined) return owner === generation;
  if (index.plainNames.size >= MAX_PLAIN_NAMES) return false;
  index.plainNames.set(path, generation);
  return true;
}

export const NO_GENERATION = 0;

/** Names are kept after their files are gone: 20 MB at most. */
const MAX_PLAIN_NAMES = 200_000;
