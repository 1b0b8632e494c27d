import { faultText } from '../../store/fault-text.ts';
import type { Store } from '../../store/store.ts';
import { type Fence, MAX_FENCE_BYTES } from '../format/fence.ts';
import { type StoredJournal, segmentKey, sequenceOf } from '../format/schema.ts';
import { readSegment, readStatus } from './read.ts';
import { addToTally, EMPTY_TALLY, parseJournalKey, type Tally } from './tally.ts';

/** A journal that was found below a prefix. */
export interface FoundJournal extends StoredJournal {
  /** The key of the session's folder, which holds the journal and the report. */
  readonly session: string;
  /** What else is in that folder, e.g. `claim.json` and `session.json`. */
  readonly siblings: readonly string[];
  /** Why it cannot be read, though it can be listed; undefined: nothing is known against it. */
  readonly unreadable: string | undefined;
  /** Compressed. */
  readonly bytes: number;
  /** By its writer, or whoever mended it, and no recovery: by the destination's clock, in milliseconds since the epoch. */
  readonly lastWrittenMs: number;
  /** The last one; undefined: nobody has taken the journal from its writer. */
  readonly fence: FoundFence | undefined;
  /** Its writer notices when somebody takes it. */
  readonly heedsFences: boolean;
  /** Whose journal it is, as far as was read. */
  readonly run: string | undefined;
}

export interface FoundFence extends Fence {
  readonly sequence: number;
  /** By the destination's clock. */
  readonly putMs: number;
}

/**
 * Every journal below a prefix, in the order of their keys. A session that was started again has several.
 * @param isWanted leaves out those of other sessions, by the keys of their folders: of these nothing is read
 */
export async function findJournals(
  destination: Store,
  prefix: string,
  signal: AbortSignal,
  isWanted: (session: string) => boolean = () => true,
): Promise<FoundJournal[]> {
  const sessions = new Map<string, Session>();
  for await (const object of destination.list(prefix, signal)) {
    const { session, journal, name } = parseJournalKey(object.key);
    if (!isWanted(session)) continue;
    const entry: Session = sessions.get(session) ?? { siblings: [], journals: new Map() };
    sessions.set(session, entry);
    if (journal === undefined) entry.siblings.push(name);
    else entry.journals.set(journal, addToTally(entry.journals.get(journal) ?? EMPTY_TALLY, name, object));
  }
  const found: FoundJournal[] = [];
  for (const [session, { siblings, journals }] of sessions) {
    for (const [journal, tally] of journals) {
      const at = session === '' ? journal : `${session}/${journal}`;
      const looked = await lookAtJournal({ destination, prefix: at, signal }, tally);
      if (looked !== undefined) found.push({ prefix: at, session, siblings, ...looked });
    }
  }
  return found;
}

/** What is found out about a journal by looking at its first and last objects. */
export type JournalLook = Omit<FoundJournal, 'prefix' | 'session' | 'siblings'>;

interface LookOptions {
  readonly destination: Store;
  readonly prefix: string;
  readonly signal: AbortSignal;
}

/**
 * Looks at a journal that was listed: its status, and what has the highest number.
 * @returns undefined: only what stays of one that was recovered and deleted
 * @throws the signal's reason when it is aborted; a journal that cannot be read is told as `unreadable`
 */
export async function lookAtJournal(options: LookOptions, tally: Tally): Promise<JournalLook | undefined> {
  const looked = await lookAt(options, tally);
  return isLeftover(looked, tally) ? undefined : looked;
}

/** Who writes an object may own it, and whoever owns the bucket may be denied to read it: that is true of one journal. */
async function lookAt(options: LookOptions, tally: Tally): Promise<JournalLook> {
  const tallied = {
    segments: tally.last.sequence,
    bytes: tally.bytes,
    lastWrittenMs: tally.lastWrittenMs,
    fence: undefined,
  };
  try {
    const status = await readStatus(options.destination, options.prefix, options.signal);
    const last = await findLast(options, tally.last, status?.sequence ?? 0);
    const isKnown = last.bytes > MAX_FENCE_BYTES && status !== undefined;
    const read = last.sequence === 0 || isKnown ? undefined : await readSegment(options, last.sequence);
    const heedsFences = status?.heedsFences === true || read?.segment?.index.heedsFences === true;
    const run = status?.run ?? read?.segment?.index.run;
    const unfenced = { status, unreadable: undefined, heedsFences, run };
    if (read === undefined || !('fence' in read)) return { ...tallied, ...unfenced, segments: last.sequence };
    const { fence } = read;
    const { bytes, lastWrittenMs } = await tallyUntil(options, fence.after);
    return {
      ...unfenced,
      segments: fence.after,
      bytes,
      lastWrittenMs,
      fence: { ...fence, sequence: last.sequence, putMs: last.modifiedMs },
    };
  } catch (error) {
    options.signal.throwIfAborted();
    return {
      ...tallied,
      status: undefined,
      unreadable: faultText(error),
      heedsFences: false,
      run: undefined,
    };
  }
}

/** A listing may come late: what has been put since is found by its number. */
async function findLast(
  { destination, prefix, signal }: LookOptions,
  listed: Tally['last'],
  known: number,
): Promise<Tally['last']> {
  let last = listed;
  const unlisted = (sequence: number) => ({ sequence, bytes: 0, modifiedMs: listed.modifiedMs });
  if (known > last.sequence) last = unlisted(known);
  while ((await destination.exists(`${prefix}/${segmentKey(last.sequence + 1)}`, signal)) === true)
    last = unlisted(last.sequence + 1);
  return last;
}

/** Of what its writer has put, without the fences behind it. */
async function tallyUntil({ destination, prefix, signal }: LookOptions, sequence: number): Promise<Tally> {
  let tally = EMPTY_TALLY;
  for await (const object of destination.list(`${prefix}/`, signal)) {
    const name = object.key.slice(prefix.length + 1);
    if ((sequenceOf(name) ?? 0) <= sequence) tally = addToTally(tally, name, object);
  }
  return tally;
}

/**
 * What stays of a journal that was recovered and deleted: its fences. Where there is more, its deletion was cut off. Or
 * there was never one: who asked for the store's time was killed before the clock's object was gone.
 */
function isLeftover({ fence, status, segments, unreadable }: JournalLook, tally: Tally): boolean {
  const { first, isPlanned } = tally;
  if (status !== undefined || isPlanned) return false;
  if (fence !== undefined) return first > fence.after;
  return tally === EMPTY_TALLY && segments === 0 && unreadable === undefined;
}

interface Session {
  readonly siblings: string[];
  readonly journals: Map<string, Tally>;
}
