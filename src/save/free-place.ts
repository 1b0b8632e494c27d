import { PermanentError, type Store } from '../store/store.ts';
import type { ArchivePlace } from './archive-place.ts';

interface Looking {
  readonly store: Store;
  readonly signal: AbortSignal;
}

const MAX_PLACES = 100;

/** The first free place, of one and those after it: an archive that exists is never overwritten. */
export async function firstFree(first: ArchivePlace, looking: Looking): Promise<ArchivePlace> {
  const { store, signal } = looking;
  let place = first;
  for (let n = 1; n <= MAX_PLACES; n += 1) {
    if (!(await isTaken(place, looking))) return place;
    place = await place.next(signal);
  }
  throw new PermanentError(
    `${store.url} has an object at each of ${MAX_PLACES} keys, from ${first.archiveKey} on`,
    'Give each session a TIMESTAMP of its own, or see what the store answers to a HEAD request.',
  );
}

/**
 * A listing may be allowed where HEAD is not. Where neither is, a condition has to find what is there; a store that keeps
 * none has given the session a name that nobody else has.
 */
async function isTaken({ archiveKey }: ArchivePlace, { store, signal }: Looking): Promise<boolean> {
  const found = await store.exists(archiveKey, signal);
  if (found !== 'unknown') return found;
  try {
    for await (const { key } of store.list(archiveKey, signal)) if (key === archiveKey) return true;
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
  }
  return false;
}

/** For an archive whose upload the store refuses to end conditionally. */
export function refusedNotice(url: string): string {
  return `the store refuses conditional uploads: an archive that another program puts at ${url} meanwhile is replaced`;
}
