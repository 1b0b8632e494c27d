import { indexKeyBeside } from '../archive-index/format.ts';
import type { Log } from '../runtime/log.ts';
import { errorText } from '../runtime/text.ts';
import type { SavedArchive } from './save.ts';

export interface PutIndexRuntime {
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Puts the index of an archive beside its report, for those who want one file of it. It never rejects: without an index
 * the archive is read from its beginning.
 */
export async function putIndex(
  { store, index, reportKey }: Pick<SavedArchive, 'store' | 'index' | 'reportKey'>,
  { log, signal }: PutIndexRuntime,
): Promise<void> {
  const key = indexKeyBeside(reportKey);
  if (key === undefined) return;
  try {
    await store.put(key, index, { signal });
  } catch (error) {
    log.warn(
      { event: 'archive_index_not_saved', why: errorText(error) },
      'the index of the archive could not be saved: one file of it is then found by reading it from its beginning',
    );
  }
}
