import { type DeletionEvidence, deleteJournal } from '../journal/delete.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import { fencesOf, type Takeover } from '../journal/takeover.ts';
import type { Log } from '../runtime/log.ts';
import type { Store } from '../store/store.ts';
import { abortUploads } from './abort-uploads.ts';
import { readPlan } from './recovery-plan.ts';

/** A session is saved, and its journal was not deleted, or not all of it. */
export class JournalLeftError extends Error {
  override readonly name = 'JournalLeftError';
}

interface DisposalRuntime {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly takeover: Takeover | undefined;
}

/**
 * Deletes the journal of a session that has saved its archive itself, and what an earlier recovery was uploading.
 * @throws {JournalTakenError} when somebody else has the journal
 * @throws {JournalLeftError} when something of the journal may be left
 */
export async function deleteSavedJournal(
  store: Store,
  journal: FoundJournal,
  runtime: DisposalRuntime,
): Promise<void> {
  const plan = await readPlan(store, journal.prefix, runtime.signal);
  const evidence = { kind: 'saved-before', session: journal.session } as const;
  await runtime.takeover?.end();
  const uploads = plan === undefined ? [] : [plan.archiveKey];
  await deleteWhole(store, journal, { evidence, uploads, saved: 'is saved' }, runtime);
}

/**
 * Deletes a journal whose archive has been made and read back, as the last step of its recovery: from its last fence on
 * the session counts as saved, however much of the journal is left.
 * @param archive its key
 * @throws as `deleteSavedJournal` does
 */
export async function deleteRecoveredJournal(
  store: Store,
  journal: FoundJournal,
  { evidence, archive }: { readonly evidence: DeletionEvidence; readonly archive: string },
  runtime: DisposalRuntime,
): Promise<void> {
  await runtime.takeover?.end(archive);
  const saved = `is saved at ${store.url}/${archive}`;
  await deleteWhole(store, journal, { evidence, uploads: [], saved }, runtime);
}

interface Disposal {
  readonly evidence: DeletionEvidence;
  /** Keys at which somebody who was killed may have been uploading. */
  readonly uploads: readonly string[];
  /** For people. */
  readonly saved: string;
}

async function deleteWhole(
  store: Store,
  journal: FoundJournal,
  { evidence, uploads, saved }: Disposal,
  runtime: DisposalRuntime,
): Promise<void> {
  const { signal, takeover } = runtime;
  try {
    // First: with the journal goes what tells where they are.
    for (const key of uploads) await abortUploads(store, key, runtime);
    await deleteJournal(store, journal, evidence, { signal, fences: fencesOf(journal, takeover) });
  } catch (cause) {
    throw new JournalLeftError(`${saved}, and its journal is deleted in part at most: run recover again`, {
      cause,
    });
  }
}
