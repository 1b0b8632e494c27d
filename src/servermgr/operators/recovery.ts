import * as v from 'valibot';
import { FENCE_INTERVAL_MS } from '../../journal/format/fence.ts';
import { PLAN_KEY } from '../../journal/format/schema.ts';
import { unseal } from '../../journal/format/sealed.ts';
import type { FoundJournal } from '../../journal/reader/find.ts';
import { readText } from '../../store/read.ts';
import type { Store } from '../../store/store.ts';
import { findJournal } from './find-journal.ts';

/**
 * How far the recovery of a session is, by what it writes at the destination, wherever it runs: it takes the journal by a
 * fence, which it renews each minute; it notes the archive that it is about to make, and its digest once that is stored.
 */
export interface JournalStanding {
  /** The session goes on to write it. */
  readonly isWritten: boolean;
  /** Who has it, and since when; undefined: nobody has ever recovered it. */
  readonly taken: Taken | undefined;
  /** What it has noted; undefined: it reads the journal still. */
  readonly plan: RecoveryNotes | undefined;
  readonly segments: number;
  readonly bytes: number;
}

export interface Taken {
  readonly host: string;
  readonly sinceMs: number;
  /** `silent`: it works no more, and has not said so. */
  readonly state: 'working' | 'silent' | 'released' | 'ended';
}

export interface RecoveryNotes {
  readonly archiveKey: string;
  readonly isStored: boolean;
  /** What of the journal could not be read, each a sentence. */
  readonly problems: readonly string[];
}

const Notes = v.object({
  archiveKey: v.string(),
  problems: v.array(v.object({ segment: v.string(), why: v.string() })),
  archive: v.optional(v.object({ bytes: v.number() })),
});

const MAX_NOTES_BYTES = 16 * 1024 * 1024;
const MISSED = 3;

/** @returns undefined where there is no journal: there was none, or it was recovered and deleted. */
export async function readStanding(
  destination: Store,
  name: string,
  signal: AbortSignal,
): Promise<JournalStanding | undefined> {
  const journal = await findJournal(destination, name, signal);
  if (journal === undefined) return undefined;
  const { segments, bytes, fence, status } = journal;
  return {
    isWritten: fence === undefined && status?.state === 'writing',
    taken: fence && takenBy(fence, Date.now()),
    plan: await readNotes(destination, journal.prefix, signal),
    ...{ segments, bytes },
  };
}

function takenBy({ host, since, state, putMs }: NonNullable<FoundJournal['fence']>, nowMs: number): Taken {
  const isSilent = state === 'working' && nowMs - putMs > MISSED * FENCE_INTERVAL_MS;
  return { host, sinceMs: Date.parse(since), state: isSilent ? 'silent' : state };
}

async function readNotes(
  destination: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<RecoveryNotes | undefined> {
  const text = await readText(destination, `${prefix}/${PLAN_KEY}`, { maxBytes: MAX_NOTES_BYTES, signal });
  if (text === undefined) return undefined;
  const { success, output } = v.safeParse(v.pipe(v.string(), v.rawTransform(unsealed), Notes), text);
  // It is being written, or a later version's.
  if (!success) return undefined;
  return {
    archiveKey: output.archiveKey,
    isStored: output.archive !== undefined,
    problems: output.problems.map(({ segment, why }) => `${segment}: ${why}`),
  };
}

function unsealed({ dataset, addIssue, NEVER }: v.RawTransformContext<string>): unknown {
  try {
    return unseal(dataset.value);
  } catch (error) {
    addIssue({ message: (error as Error).message });
    return NEVER;
  }
}
