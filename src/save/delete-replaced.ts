import { amendmentKey } from '../report/amendment.ts';
import type { Store } from '../store/store.ts';

/**
 * Deletes archives of a session that its report names no more, and what was made of them.
 * @param inForce the key of the one that it names
 * @throws when something of them is left
 */
export async function deleteReplaced(
  store: Store,
  keys: readonly string[],
  inForce: string,
  signal: AbortSignal,
): Promise<void> {
  if (keys.includes(inForce)) throw new Error(`${inForce} is what the report names`);
  await store.delete(keys, signal);
}

/** Deletes the note of an amendment that has ended. @param folder the key of the session's folder */
export async function deleteAmendment(store: Store, folder: string, signal: AbortSignal): Promise<void> {
  await store.delete([amendmentKey(folder)], signal);
}
