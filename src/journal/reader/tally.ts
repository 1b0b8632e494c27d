import type { StoredObject } from '../../store/store.ts';
import { PLAN_KEY, STATUS_KEY, sequenceOf } from '../format/schema.ts';

/** What a listing tells of one journal. */
export interface Tally {
  /** Compressed. */
  readonly bytes: number;
  readonly lastWrittenMs: number;
  /** It has a status, as one that somebody writes, or has written and not deleted, has. */
  readonly hasStatus: boolean;
  /** It has the plan of a recovery. */
  readonly isPlanned: boolean;
  /** The lowest number that there is. */
  readonly first: number;
  /** What has the highest number. */
  readonly last: { readonly sequence: number; readonly bytes: number; readonly modifiedMs: number };
}

/** Of a journal of which nothing was listed yet. */
export const EMPTY_TALLY: Tally = {
  bytes: 0,
  lastWrittenMs: 0,
  hasStatus: false,
  isPlanned: false,
  first: Number.POSITIVE_INFINITY,
  last: { sequence: 0, bytes: 0, modifiedMs: 0 },
};

/** Takes a key apart: what is in the folder of a journal, or beside it. */
export function parseJournalKey(key: string): { session: string; journal: string | undefined; name: string } {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  const last = parts.at(-1);
  const isJournal = last !== undefined && /^journal(\.\d+)?$/.test(last);
  if (isJournal) parts.pop();
  return { session: parts.join('/'), journal: isJournal ? last : undefined, name };
}

/** @param name below the journal's prefix: what is none of its objects adds nothing */
export function addToTally(tally: Tally, name: string, { bytes, modifiedMs }: StoredObject): Tally {
  if (name === PLAN_KEY) return { ...tally, isPlanned: true };
  const sequence = sequenceOf(name);
  if (sequence === undefined && name !== STATUS_KEY) return tally;
  const isLast = sequence !== undefined && sequence > tally.last.sequence;
  return {
    bytes: tally.bytes + bytes,
    lastWrittenMs: Math.max(tally.lastWrittenMs, modifiedMs),
    hasStatus: tally.hasStatus || name === STATUS_KEY,
    isPlanned: tally.isPlanned,
    first: Math.min(tally.first, sequence ?? Number.POSITIVE_INFINITY),
    last: isLast ? { sequence, bytes, modifiedMs } : tally.last,
  };
}
