import * as v from 'valibot';
import { readText } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { AMENDMENT_NAME } from './session-folder.ts';

const Amendment = v.object({
  format: v.literal(1),
  /** Of whoever amends, a UUID; and for people. */
  by: v.string(),
  host: v.string(),
  /** ISO 8601. */
  since: v.string(),
  /** Where the new archive goes. Keys are relative to the session's destination, as in its report. */
  archiveKey: v.string(),
  /** What is deleted once the report names that one. */
  oldKeys: v.array(v.string()),
});

/**
 * What somebody is about to put in the place of an archive. It is there from before the first byte of the new archive
 * until the last one of the old is gone: where it is found later, somebody was cut off, and it is to be run again.
 */
export type Amendment = Readonly<v.InferOutput<typeof Amendment>>;

const MAX_BYTES = 1024 * 1024;

/** Where it is. @param folder the key of the session's folder */
export function amendmentKey(folder: string): string {
  return `${folder}/${AMENDMENT_NAME}`;
}

/** @returns undefined: nobody amends the session, or it cannot be told what is amended */
export function parseAmendment(text: string | undefined): Amendment | undefined {
  const found = v.safeParse(v.pipe(v.string(), v.parseJson(), Amendment), text);
  return found.success ? found.output : undefined;
}

/**
 * @param folder the key of the session's folder
 * @throws when the store cannot be read
 */
export async function readAmendment(
  store: Store,
  folder: string,
  signal: AbortSignal,
): Promise<Amendment | undefined> {
  return parseAmendment(await readText(store, amendmentKey(folder), { maxBytes: MAX_BYTES, signal }));
}

/** @throws as `Store.put` does */
export async function putAmendment(
  store: Store,
  folder: string,
  amendment: Amendment,
  signal: AbortSignal,
): Promise<void> {
  await store.put(amendmentKey(folder), Buffer.from(`${JSON.stringify(amendment)}\n`), { signal });
}
