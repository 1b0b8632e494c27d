import type { Log } from '../runtime/log.ts';
import { PermanentError, type Store } from '../store/store.ts';

/**
 * Deletes what somebody was uploading who was killed, which nobody else would ever delete; where that is denied, it is
 * told.
 */
export async function abortUploads(
  store: Store,
  key: string,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  try {
    const uploads = await store.abortUploads(key, signal);
    if (uploads > 0) log.info({ event: 'uploads_aborted', key, uploads }, 'unfinished uploads aborted');
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    log.warn(
      { event: 'uploads_not_aborted', err: error, key },
      "unfinished uploads, if any, stay until the bucket's lifecycle rule deletes them",
    );
  }
}
