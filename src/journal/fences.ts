import { AlreadyExistsError, type Store } from '../store/store.ts';
import type { Fence } from './format/fence.ts';
import { segmentKey } from './format/schema.ts';
import { encodeFence } from './format/segment.ts';
import { type ReadSegment, readSegment } from './reader/read.ts';

/** Somebody else has the journal, as what is under its next number tells. */
export class JournalTakenError extends Error {
  override readonly name = 'JournalTakenError';
  /** The run whose segment it is; undefined: it is a recovery's fence, or cannot be read. */
  readonly run: string | undefined;

  constructor(message: string, run?: string) {
    super(message);
    this.run = run;
  }
}

/** Who takes a journal. */
export interface Taker {
  /** A UUID. */
  readonly by: string;
  /** For people. */
  readonly host: string;
}

/**
 * Ends a session's own journal: from now on no recovery begins to read what is about to be deleted.
 * @param run of the session
 * @returns the number of the fence
 * @throws {JournalTakenError} when a recovery has the journal
 */
export async function endOwnJournal(
  store: Store,
  { prefix, segments }: { readonly prefix: string; readonly segments: number },
  run: Taker,
  signal: AbortSignal,
): Promise<number> {
  const since = new Date().toISOString();
  for (let after = segments; ; after += 1) {
    try {
      await putFence(store, prefix, after + 1, { ...run, since, state: 'ended', after }, signal);
      return after + 1;
    } catch (error) {
      // The answer to its last segment may have been lost.
      if (!(error instanceof JournalTakenError && error.run === run.by)) throw error;
    }
  }
}

/**
 * Puts a fence under a number that nobody has yet.
 * @throws {JournalTakenError} when somebody has it
 */
export async function putFence(
  store: Store,
  prefix: string,
  sequence: number,
  fence: Fence,
  signal: AbortSignal,
): Promise<void> {
  const key = `${prefix}/${segmentKey(sequence)}`;
  try {
    await store.put(key, await encodeFence(fence), { signal, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error;
    const there = await readSegment({ destination: store, prefix, signal }, sequence);
    if ('fence' in there && there.fence.by === fence.by && there.fence.state === fence.state) return;
    throw new JournalTakenError(`${prefix} ${describeTaken(there)}`, there.segment?.index.run);
  }
}

function describeTaken(there: ReadSegment): string {
  if ('fault' in there) return `has something under its next number that cannot be read: ${there.fault}`;
  if (!('fence' in there)) return 'is still being written';
  const { host, since, state, archive } = there.fence;
  const where = archive === undefined ? '' : `: ${archive}`;
  switch (state) {
    case 'working':
      return `is being recovered by ${host} since ${since}`;
    case 'released':
      return `was looked at by ${host}, which began at ${since}`;
    case 'ended':
      return `was saved by ${host}, which began at ${since}${where}`;
    default:
      return state satisfies never;
  }
}
