import { basename } from 'node:path';
import { PermanentError, type Receipt, type Store } from '../store/store.ts';
import { endOwnJournal, type Taker } from './fences.ts';
import {
  formatStatus,
  PLAN_KEY,
  STATUS_KEY,
  type StoredJournal,
  segmentKey,
  sequenceOf,
} from './format/schema.ts';

/** Why nobody needs a journal any more. */
export type DeletionEvidence =
  /** Its session saved the archive, and the store confirmed the size or the bytes. */
  | { readonly kind: 'verified-receipt'; readonly receipt: Receipt; readonly session: Taker }
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

export interface DeletionOptions {
  readonly signal: AbortSignal;
  /** What is behind the last segment: `stay`, for a writer that may come back and has to meet them. */
  readonly fences: 'none' | 'go' | 'stay';
}

/**
 * Deletes a journal: its segments first, its status last, and after that its fences, and what killed writers have left. Before that the status says that
 * nobody needs the journal, since a deletion that is cut off leaves one with holes; and a session's own is fenced, so
 * that no recovery begins to read it. Interrupted at any point, it is simply run again. Works without the right to list.
 * @throws {JournalTakenError} when a recovery has the journal of a session
 * @throws when something of the journal is left
 */
export async function deleteJournal(
  store: Store,
  { prefix, segments, status }: StoredJournal,
  evidence: DeletionEvidence,
  { signal, fences: asked }: DeletionOptions,
): Promise<void> {
  assertProves(evidence);
  const isOwn = evidence.kind === 'verified-receipt' && status?.heedsFences === true;
  const own = isOwn ? await endOwnJournal(store, { prefix, segments }, evidence.session, signal) : undefined;
  const fences = own === undefined ? asked : 'go';
  const last = own === undefined ? segments : own - 1;
  const statusKey = `${prefix}/${STATUS_KEY}`;
  if (status !== undefined) {
    const saved = Buffer.from(formatStatus({ ...status, state: 'saved' }));
    await store.put(statusKey, saved, { signal });
  }
  const others = new Set<string>();
  const behind = own === undefined ? [] : [`${prefix}/${segmentKey(own)}`];
  let highest = last;
  let batch: string[] = [];
  for await (const key of keysOf(store, { prefix, segments: last }, signal)) {
    const sequence = sequenceOf(basename(key)) ?? 0;
    highest = Math.max(highest, sequence);
    if (fences !== 'none' && sequence > last) behind.push(key);
    else if (key.endsWith('.json')) others.add(key);
    else batch.push(key);
    if (batch.length < BATCH) continue;
    await store.delete(batch, signal);
    batch = [];
  }
  // One more than is known of: it may be there although nobody got the answer. Its number is known by the last one,
  // which whoever runs this again has to find.
  if (fences === 'none') batch.unshift(`${prefix}/${segmentKey(highest + 1)}`);
  await store.delete(batch, signal);
  others.delete(statusKey);
  await store.delete([...others, statusKey], signal);
  if (fences === 'go') await store.delete(behind, signal);
  await store.deleteParts(prefix, signal);
}

/** Deletes a fence of one's own where there turned out to be no journal. */
export async function withdrawFence(
  store: Store,
  prefix: string,
  sequence: number,
  signal: AbortSignal,
): Promise<void> {
  await store.delete([`${prefix}/${segmentKey(sequence)}`], signal);
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

/** What is known to be there, and then what else is listed: a listing may come late. */
async function* keysOf(
  store: Store,
  { prefix, segments }: Pick<StoredJournal, 'prefix' | 'segments'>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  for (let sequence = 1; sequence <= segments; sequence += 1) yield `${prefix}/${segmentKey(sequence)}`;
  yield `${prefix}/${PLAN_KEY}`;
  try {
    for await (const { key } of store.list(`${prefix}/`, signal))
      if ((sequenceOf(basename(key)) ?? segments + 1) > segments) yield key;
  } catch (error) {
    // A session's own role may delete, but has no s3:ListBucket.
    if (!(error instanceof PermanentError)) throw error;
  }
}
