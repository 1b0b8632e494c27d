import { randomUUID } from 'node:crypto';
import { sleep } from '../../runtime/abort.ts';
import { type Conditions, putTwice } from '../../store/conditions.ts';
import { backoffMs } from '../../store/retry.ts';
import type { Store } from '../../store/store.ts';
import { FENCE_INTERVAL_MS } from '../format/fence.ts';
import type { JournalStatus } from '../format/schema.ts';
import type { FoundFence, FoundJournal } from './find.ts';

/** Who has a journal, as far as can be told. */
export type Standing =
  /** It was ended, or who had it has been silent for so long that it may be taken. */
  | { readonly kind: 'free' }
  /** Its session may still be writing it. */
  | { readonly kind: 'written' }
  /** Its writer has been silent for long, and would not notice that it was taken: only a person knows that it is dead. */
  | { readonly kind: 'silent' }
  /** A recovery reads it, or whoever has saved it deletes it. */
  | { readonly kind: 'taken'; readonly fence: FoundFence };

/** What a store tells of itself: this machine's clock may be minutes off. */
export interface StoreFacts {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  readonly conditions: Conditions;
}

/** What of a journal tells who has it. */
type Witnesses = Pick<FoundJournal, 'fence' | 'lastWrittenMs' | 'heedsFences'> & {
  readonly status: Pick<JournalStatus, 'state' | 'heartbeatMs'> | undefined;
};

/** @param nowMs by the clock that the journal's times are of, see `askStore` */
export function standingOf(
  { status, fence, lastWrittenMs, heedsFences }: Witnesses,
  nowMs: number,
): Standing {
  if (fence !== undefined) {
    const isAtWork = fence.state !== 'released' && nowMs - fence.putMs < MISSED * FENCE_INTERVAL_MS;
    return isAtWork ? { kind: 'taken', fence } : { kind: 'free' };
  }
  if (status !== undefined && status.state !== 'writing') return { kind: 'free' };
  const heartbeatMs = status?.heartbeatMs ?? DEFAULT_HEARTBEAT_MS;
  if (nowMs - lastWrittenMs < MISSED * heartbeatMs) return { kind: 'written' };
  return { kind: heedsFences ? 'free' : 'silent' };
}

/**
 * The store's clock and its conditions, from an object of its own that is put and deleted in the journal's folder.
 * @throws when no listing shows the object: by another clock a journal may look dead that is being written
 */
export async function askStore(destination: Store, prefix: string, signal: AbortSignal): Promise<StoreFacts> {
  const key = `${prefix}/clock-${randomUUID()}.json`;
  const body = (attempt: number) => Buffer.from(JSON.stringify({ attempt }));
  const found = await putTwice(destination, key, { signal, body });
  if (found === 'refused') await destination.put(key, body(1), { signal });
  try {
    const conditions = found === 'taken' ? 'honoured' : found;
    for (let looks = 1; looks <= LOOKS; looks += 1) {
      for await (const object of destination.list(key, signal))
        if (object.key === key) return { nowMs: object.modifiedMs, conditions };
      await sleep(backoffMs(looks, FIRST_WAIT_MS, MAX_WAIT_MS), signal);
    }
    throw new Error(
      `${destination.url} does not list ${key}, which was just put there: its time cannot be told`,
    );
  } finally {
    await destination.delete([key], signal);
  }
}

/** Half a minute in all, for listings that come late. */
const LOOKS = 10;
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 10_000;

const DEFAULT_HEARTBEAT_MS = 60_000;
const MISSED = 3;
