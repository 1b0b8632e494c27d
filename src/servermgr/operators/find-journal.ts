import { basename } from 'node:path';
import { type FoundJournal, findJournals } from '../../journal/reader/find.ts';
import { isSessionOf, sessionFolder } from '../../report/session-folder.ts';
import type { Store } from '../../store/store.ts';

/** The journal of a session that was written last, as one that was started again has several; undefined: there is none. */
export async function findJournal(
  destination: Store,
  name: string,
  signal: AbortSignal,
): Promise<FoundJournal | undefined> {
  const isOwn = (folder: string) =>
    folder === sessionFolder(basename(folder)) && isSessionOf(basename(folder), name);
  const journals = await findJournals(destination, sessionFolder(name), signal, isOwn);
  return journals.toSorted((a, b) => b.lastWrittenMs - a.lastWrittenMs)[0];
}
