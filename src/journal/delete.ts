import { basename } from 'node:path';
import { PermanentError, type Receipt, type Store } from '../store/store.ts';
import {
  CLOCK_KEY,
  formatStatus,
  PLAN_KEY,
  STATUS_KEY,
  type StoredJournal,
  segmentKey,
  sequenceOf,
} from './format/schema.ts';

/** Why nobody needs a journal any more. */
export type DeletionEvidence =
  /** Its session saved the archive, and the store confirmed the size. */
  | { readonly kind: 'verified-receipt'; readonly receipt: Receipt }
  /** The archive that a recovery made of it was read back from the store. */
  | {
      readonly kind: 'read-back-digest';
      readonly sha256: string;
      /** Of the journal; a person has said that it may be lost, where there is any. */
      readonly damage: 'none' | 'discarded';
    }
  /** Its session saved the archive, and was cut off before it could delete the journal. */
  | { readonly kind: 'saved-before'; readonly session: string };

/** The store deletes so many objects in one request. */
const BATCH = 1_000;

/**
 * Deletes a journal: its segments first, its status last. Before that the status says that nobody needs the journal,
 * since a deletion that is cut off leaves one with holes. Interrupted at any point, it is simply run again. Works
 * without the right to list.
 * @throws when something of the journal is left
 */
export async function deleteJournal(
  store: Store,
  journal: StoredJournal,
  evidence: DeletionEvidence,
  signal: AbortSignal,
): Promise<void> {
  assertProves(evidence);
  const { prefix, status } = journal;
  const statusKey = `${prefix}/${STATUS_KEY}`;
  if (status !== undefined) {
    const saved = Buffer.from(formatStatus({ ...status, state: 'saved' }));
    await store.put(statusKey, saved, { signal });
  }
  const others: string[] = [];
  let last = journal.segments;
  let batch: string[] = [];
  for await (const key of keysOf(store, journal, signal)) {
    last = Math.max(last, sequenceOf(basename(key)) ?? 0);
    if (key.endsWith('.json')) others.push(key);
    else batch.push(key);
    if (batch.length < BATCH) continue;
    await store.delete(batch, signal);
    batch = [];
  }
  // One more than is known of: it may be there although nobody got the answer. Its number is known by the last one,
  // which whoever runs this again has to find.
  await store.delete([`${prefix}/${segmentKey(last + 1)}`, ...batch], signal);
  await store.delete([...others.filter(key => key !== statusKey), statusKey], signal);
}

/** @throws for evidence that proves nothing */
function assertProves(evidence: DeletionEvidence): void {
  switch (evidence.kind) {
    case 'verified-receipt':
      if (!evidence.receipt.verified) throw new Error(`${evidence.receipt.url} is not verified`);
      return;
    case 'read-back-digest':
      if (!/^[0-9a-f]{64}$/.test(evidence.sha256)) throw new Error('the archive was not read back');
      return;
    case 'saved-before':
      return;
    default:
      evidence satisfies never;
  }
}

async function* keysOf(
  store: Store,
  { prefix, segments }: StoredJournal,
  signal: AbortSignal,
): AsyncGenerator<string> {
  try {
    for await (const { key } of store.list(`${prefix}/`, signal)) yield key;
  } catch (error) {
    // A session's own role may delete, but has no s3:ListBucket.
    if (!(error instanceof PermanentError)) throw error;
    for (let sequence = 1; sequence <= segments; sequence += 1) yield `${prefix}/${segmentKey(sequence)}`;
    yield `${prefix}/${PLAN_KEY}`;
    yield `${prefix}/${CLOCK_KEY}`;
  }
}
