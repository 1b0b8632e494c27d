import { faultText } from '../../store/fault-text.ts';
import type { Store, StoredObject } from '../../store/store.ts';
import { CLOCK_KEY, STATUS_KEY, type StoredJournal, sequenceOf } from '../format/schema.ts';
import { readStatus } from './read.ts';

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
  /** By the destination's clock, in milliseconds since the epoch. */
  readonly lastWrittenMs: number;
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
    const { session, journal, name } = parseKey(object.key);
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
      const { status, unreadable } = await readStatusOf(destination, at, signal);
      const segments = Math.max(tally.segments, status?.sequence ?? 0);
      found.push({ prefix: at, session, siblings, ...tally, segments, status, unreadable });
    }
  }
  return found;
}

/** Who writes an object may own it, and whoever owns the bucket may be denied to read it: that is true of one journal. */
async function readStatusOf(
  destination: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<Pick<FoundJournal, 'status' | 'unreadable'>> {
  try {
    return { status: await readStatus(destination, prefix, signal), unreadable: undefined };
  } catch (error) {
    signal.throwIfAborted();
    return { status: undefined, unreadable: faultText(error) };
  }
}

/**
 * Whether somebody may still be writing the journal, as its last heartbeat tells.
 * @param nowMs by the clock that `lastWrittenMs` is of, see `storeClock`
 */
export function isLive({ status, lastWrittenMs }: FoundJournal, nowMs: number): boolean {
  if (status !== undefined && status.state !== 'writing') return false;
  const heartbeatMs = status?.heartbeatMs ?? DEFAULT_HEARTBEAT_MS;
  return nowMs - lastWrittenMs < MISSED_HEARTBEATS * heartbeatMs;
}

/**
 * The destination's own clock in milliseconds since the epoch, from the time of an object that is put and deleted in
 * the journal's folder: this machine's clock may be minutes off.
 */
export async function storeClock(destination: Store, prefix: string, signal: AbortSignal): Promise<number> {
  const key = `${prefix}/${CLOCK_KEY}`;
  await destination.put(key, Buffer.from('{}'), { signal });
  try {
    for await (const object of destination.list(key, signal))
      if (object.key === key) return object.modifiedMs;
    return Date.now();
  } finally {
    await destination.delete([key], signal);
  }
}

const DEFAULT_HEARTBEAT_MS = 60_000;
const MISSED_HEARTBEATS = 3;

interface Session {
  readonly siblings: string[];
  readonly journals: Map<string, Tally>;
}

interface Tally {
  readonly segments: number;
  readonly bytes: number;
  readonly lastWrittenMs: number;
}

const EMPTY_TALLY: Tally = { segments: 0, bytes: 0, lastWrittenMs: 0 };

function parseKey(key: string): { session: string; journal: string | undefined; name: string } {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  const last = parts.at(-1);
  const isJournal = last !== undefined && /^journal(\.\d+)?$/.test(last);
  if (isJournal) parts.pop();
  return { session: parts.join('/'), journal: isJournal ? last : undefined, name };
}

function addToTally(tally: Tally, name: string, { bytes, modifiedMs }: StoredObject): Tally {
  const sequence = sequenceOf(name);
  if (sequence === undefined && name !== STATUS_KEY) return tally;
  return {
    segments: Math.max(tally.segments, sequence ?? 0),
    bytes: tally.bytes + bytes,
    lastWrittenMs: Math.max(tally.lastWrittenMs, modifiedMs),
  };
}
