import { closeSync } from 'node:fs';
import { createYielder } from '../../runtime/concurrency.ts';
import type { FileIndex, IndexedFile } from './file-index.ts';
import { isSameFile } from './file-stat.ts';
import { checkNextSlice, isPrefixChecked, SLICE_BYTES } from './generation.ts';
import { isOutOfSight } from './node.ts';
import { openFile } from './open-file.ts';

/** Compares up to `bytes` of the files that have grown with what the journal holds of them, each file in turn. */
export async function checkPrefixes(index: FileIndex, bytes: number): Promise<void> {
  const pace = createYielder();
  for (let read = 0; read < bytes; read += SLICE_BYTES) {
    const [next] = index.prefixChecks;
    if (next === undefined) return;
    checkPrefix(index, next);
    await pace();
  }
}

/**
 * Compares the next slice of a file that has grown: earlier bytes may have been changed by the same program. A file in
 * which they were counts as rewritten from then on, and so does one that cannot be looked at.
 */
function checkPrefix(index: FileIndex, file: IndexedFile): void {
  index.prefixChecks.delete(file);
  const { current } = file;
  if (isOutOfSight(file.node)) {
    file.maybeRewritten = true;
    return;
  }
  const open = openFile(file.node.fsPath);
  if ('failed' in open) return;
  try {
    if (current === undefined || file.maybeRewritten || !isSameFile(open.stat, file.node.stat)) return;
    if (checkNextSlice(current, open.read) === 'changed') {
      file.maybeRewritten = true;
      index.dirty.add(file);
    } else if (!isPrefixChecked(current)) index.prefixChecks.add(file);
  } finally {
    closeSync(open.fd);
  }
}
