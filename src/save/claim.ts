import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { nthSessionName, sessionFolder, uniqueSessionName } from '../report/session-folder.ts';
import { type Conditions, putTwice } from '../store/conditions.ts';
import { readText } from '../store/read.ts';
import { PermanentError, type PutRetry, type Store } from '../store/store.ts';
import { keyOf } from './archive-name.ts';

/** The name that a session has at a store, for as long as its objects are there. */
export interface ClaimedName {
  readonly name: string;
  readonly conditions: Conditions;
  /** Whether what is written below the name may be read again; saving needs no right to that. */
  readonly isReadable: boolean;
}

/** Who claims a name. */
export interface Claimant {
  /** The name that is wanted: the session's TIMESTAMP. */
  readonly timestamp: string;
  /** A UUID. */
  readonly run: string;
  /** When the session started, ISO 8601. */
  readonly startedAt: string;
  readonly host: string;
}

interface ClaimOptions {
  readonly signal: AbortSignal;
  /** The folder of the store that holds the sessions; empty: the store itself. */
  readonly root: string;
  /** The n-th name is the first to be tried; default: 1. */
  readonly first?: number;
  /** See `PutOptions`. */
  readonly retry?: PutRetry | undefined;
}

export const CLAIM_KEY = 'claim.json';

/** So many sessions of one TIMESTAMP: then a name is taken that nobody else can have. */
const MAX_NAMES = 100;
const MAX_CLAIM_BYTES = 64 * 1024;

/**
 * Takes a name that no other session has: `<TIMESTAMP>`, or the first of `.2`, `.3` … that is free. Where the store does
 * not keep conditions, a listing has to tell whether anybody else is there. Claiming again gives the same name, where
 * claims may be read.
 * @throws as `Store.put` does
 */
export async function claimName(
  store: Store,
  claimant: Claimant,
  options: ClaimOptions,
): Promise<ClaimedName> {
  const { signal, root, first = 1, retry } = options;
  const body = (attempt: number) => Buffer.from(`${JSON.stringify({ format: 1, ...claimant, attempt })}\n`);
  const put: Store['put'] = (key, bytes, how) =>
    store.put(key, bytes, retry === undefined ? how : { ...how, retry });
  for (let n = first; n < first + MAX_NAMES; n += 1) {
    const name = nthSessionName(claimant.timestamp, n);
    const key = keyOf(root, `${sessionFolder(name)}/${CLAIM_KEY}`);
    const found = await putTwice(store, key, { signal, body, put });
    if (found === 'honoured' || found === 'taken') {
      const owner = await ownerOf(store, key, claimant, signal);
      const isOwn = found === 'taken' ? owner === 'own' : owner !== 'other';
      if (isOwn) return { name, conditions: 'honoured', isReadable: owner === 'own' };
    } else {
      const own = keyOf(root, `${sessionFolder(claimant.timestamp)}/claims/${claimant.run}.json`);
      await put(own, body(1), { signal });
      const isFree = n === 1 && (await isAlone(store, own, key, signal));
      const { timestamp, run } = claimant;
      return {
        name: isFree ? timestamp : uniqueSessionName(timestamp, run),
        conditions: found,
        isReadable: false,
      };
    }
  }
  const unique = uniqueSessionName(claimant.timestamp, claimant.run);
  return { name: unique, conditions: 'honoured', isReadable: false };
}

/** The name after one whose place turned out to be another archive's. */
export async function claimNextName(
  store: Store,
  { name, conditions, isReadable }: ClaimedName,
  claimant: Claimant,
  options: ClaimOptions,
): Promise<ClaimedName> {
  const { timestamp, run } = claimant;
  const unique = uniqueSessionName(timestamp, run);
  if (conditions === 'honoured' && !name.startsWith(unique))
    return claimName(store, claimant, { ...options, first: 1 + numberIn(name, timestamp) });
  if (!name.startsWith(unique)) return { name: unique, conditions, isReadable };
  return { name: nthSessionName(unique, 1 + numberIn(name, unique)), conditions, isReadable };
}

function numberIn(name: string, first: string): number {
  return name === first ? 1 : Number(name.slice(first.length + 1));
}

const Claim = v.pipe(v.string(), v.parseJson(), v.object({ run: v.string() }));

/**
 * Whose claim is there: one that is in the way is this run's own when the answer to it was lost, and of two that write
 * one file of a folder at the same moment, the one that finds its own has it.
 */
async function ownerOf(
  store: Store,
  key: string,
  { run }: Claimant,
  signal: AbortSignal,
): Promise<'own' | 'other' | 'unknown'> {
  try {
    const text = await readText(store, key, { maxBytes: MAX_CLAIM_BYTES, signal });
    if (text === undefined) return 'unknown';
    const claim = v.safeParse(Claim, text);
    return claim.success && claim.output.run === run ? 'own' : 'other';
  } catch (error) {
    // Saving needs no right to read.
    if (!(error instanceof PermanentError)) throw error;
    return 'unknown';
  }
}

/**
 * Whether nothing but this run's claim is below the name. Of two that claim at the same time, at least one sees the
 * other. What is under the common key counts for nothing: where conditions are ignored, this run has just replaced it.
 */
async function isAlone(store: Store, own: string, common: string, signal: AbortSignal): Promise<boolean> {
  const folder = common.slice(0, -CLAIM_KEY.length);
  let isListed = false;
  try {
    for await (const { key } of store.list(folder, signal)) {
      if (key === own) isListed = true;
      else if (key !== common) return false;
    }
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return false;
  }
  // A listing that does not show what was just written shows nothing of others either.
  return isListed;
}

/** The claimant of a run that cannot be asked any more. */
export function claimantOf(timestamp: string, run: string | undefined, host: string): Claimant {
  return { timestamp, run: run ?? randomUUID(), startedAt: new Date().toISOString(), host };
}
