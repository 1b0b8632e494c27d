import { pause, timeoutSignal } from '../runtime/abort.ts';
import { isBug } from '../runtime/bug.ts';
import type { Store } from '../store/store.ts';
import { withdrawFence } from './delete.ts';
import { JournalTakenError, putFence, type Taker } from './fences.ts';
import { FENCE_INTERVAL_MS, type Fence } from './format/fence.ts';
import { PLAN_KEY, STATUS_KEY, segmentKey, sequenceOf } from './format/schema.ts';
import type { FoundJournal } from './reader/find.ts';

/** A journal that nobody else works on, until it is disposed of. */
export interface Takeover extends AsyncDisposable {
  /** Aborted with the caller's, and when somebody else has taken the journal after all. */
  readonly signal: AbortSignal;
  /** Puts another fence: what has been read so far nobody else had begun to delete. @throws {JournalTakenError} */
  confirm(): Promise<void>;
  /** Puts the last fence, before the journal is deleted. @throws {JournalTakenError} */
  end(archive?: string): Promise<void>;
}

/** For the last fence of a takeover that is given up: without it the next one waits for three minutes. */
const RELEASE_MS = 5_000;

/**
 * Takes a journal from its writer, or from a recovery that has been killed, by putting the next number; keeps it by
 * putting another one every minute. A writer that is alive meets the fence with its next segment, and goes on elsewhere.
 * @throws {JournalTakenError} when somebody else was faster
 */
export async function takeJournal(
  store: Store,
  { prefix, segments, fence: last }: FoundJournal,
  { by, host }: Taker,
  signal: AbortSignal,
): Promise<Takeover> {
  const since = new Date().toISOString();
  const over = new AbortController();
  const disposed = new AbortController();
  const lost = new AbortController();
  let sequence = Math.max(segments, last?.sequence ?? 0);

  /** The last number is known to be this one's fence. */
  let isHeld = false;
  const put = async (state: Fence['state'], limit: AbortSignal, archive?: string) => {
    sequence += 1;
    const follows = isHeld;
    isHeld = false;
    const fence = { by, host, since, state, after: segments, ...(archive === undefined ? {} : { archive }) };
    await putFence(store, prefix, sequence, fence, limit);
    if (follows) await assertFollows(store, prefix, sequence, limit);
    isHeld = true;
  };
  let turn = Promise.resolve();
  /** Behind one that has failed nothing is put. */
  const putInTurn = (state: Fence['state'], limit: AbortSignal, archive?: string) => {
    turn = turn.then(() => put(state, limit, archive));
    return turn;
  };
  const confirm = () => putInTurn('working', AbortSignal.any([signal, disposed.signal]));
  const renew = async () => {
    for (;;) {
      await pause(FENCE_INTERVAL_MS, over.signal);
      if (over.signal.aborted) return;
      await confirm();
    }
  };

  await put('working', signal);
  await assertThere(store, { prefix, segments, fence: sequence }, signal);
  const renewing = renew().catch((error: unknown) => lost.abort(error));
  let isEnded = false;
  return {
    signal: AbortSignal.any([signal, lost.signal]),
    confirm,
    async end(archive) {
      over.abort();
      // One that is under way decides who has the journal.
      await renewing;
      lost.signal.throwIfAborted();
      await putInTurn('ended', signal, archive);
      isEnded = true;
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      disposed.abort();
      await renewing;
      // Behind the fence of somebody else it would take that away.
      if (isEnded || !isHeld) return;
      await put('released', timeoutSignal(RELEASE_MS)).catch((error: unknown) => {
        // Nothing depends on it but how soon the next one may begin.
        if (isBug(error)) throw error;
      });
    },
  };
}

/**
 * What becomes of the fences when a journal that was taken is deleted: its session may come back, or have ended its
 * journal and still be saving its archive. One that does not heed them needs none.
 */
export function fencesOf(
  { heedsFences, fence, run }: FoundJournal,
  takeover: Takeover | undefined,
): 'none' | 'go' | 'stay' {
  if (takeover === undefined) return 'none';
  const isEndedByItself = fence?.state === 'ended' && fence.by === run;
  return heedsFences && !isEndedByItself ? 'stay' : 'go';
}

/**
 * Whoever had it may have deleted it at the same moment, so that nothing was in the way of the fence. A listing may come
 * late, and a deletion takes the status last, of which the plan alone may be left: they are asked for by their names. A
 * listing shows what else has arrived late.
 */
async function assertThere(
  store: Store,
  { prefix, segments, fence }: { readonly prefix: string; readonly segments: number; readonly fence: number },
  signal: AbortSignal,
): Promise<void> {
  for (const name of [STATUS_KEY, segmentKey(segments), PLAN_KEY])
    if ((await store.exists(`${prefix}/${name}`, signal)) !== false) return;
  for await (const { key } of store.list(`${prefix}/`, signal))
    if ((sequenceOf(key.slice(prefix.length + 1)) ?? fence) <= segments) return;
  return giveUp(store, prefix, fence, signal);
}

/** Whoever has taken the journal meanwhile may have deleted it, with the fences of both. */
async function assertFollows(
  store: Store,
  prefix: string,
  sequence: number,
  signal: AbortSignal,
): Promise<void> {
  const before = `${prefix}/${segmentKey(sequence - 1)}`;
  if ((await store.exists(before, signal)) === false) return giveUp(store, prefix, sequence, signal);
}

async function giveUp(store: Store, prefix: string, fence: number, signal: AbortSignal): Promise<never> {
  await withdrawFence(store, prefix, fence, signal);
  throw new JournalTakenError(`${prefix} is gone: its session is saved by now`);
}
