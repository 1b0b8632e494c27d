import * as v from 'valibot';
import type { FoundJournal } from '../journal/reader/find.ts';
import { readText } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { Extent, extentOf, isExtentOf, planKey, SMALL_BYTES } from './recovery-plan.ts';

/** What stands in the place of a plan where nothing of a journal can be read, so that there is no archive. */
const Unreadable = v.object({ unreadable: v.string(), journal: Extent });

/** Notes that nothing of a journal can be read, so that it is not read again until it has changed. */
export async function noteUnreadable(
  store: Store,
  journal: FoundJournal,
  why: string,
  signal: AbortSignal,
): Promise<void> {
  const noted: v.InferOutput<typeof Unreadable> = { unreadable: why, journal: extentOf(journal) };
  await store.put(planKey(journal.prefix), Buffer.from(JSON.stringify(noted)), { signal });
}

/** Why nothing of a journal can be read, as an earlier recovery has found; undefined: it has not, or of another journal. */
export async function findUnreadable(
  store: Store,
  journal: FoundJournal,
  signal: AbortSignal,
): Promise<string | undefined> {
  const text = await readText(store, planKey(journal.prefix), { maxBytes: SMALL_BYTES, signal });
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Unreadable), text);
  return parsed.success && isExtentOf(parsed.output.journal, journal) ? parsed.output.unreadable : undefined;
}
