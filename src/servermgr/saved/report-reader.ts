import {
  isReportName,
  isSessionOf,
  nthSessionName,
  reportKey,
  sessionFolder,
  sessionOfKey,
} from '../../report/session-folder.ts';
import { readText } from '../../store/read.ts';
import { DeniedError, type Store, type StoredObject } from '../../store/store.ts';
import type { Experiments } from './experiments.ts';
import type { Listing } from './listing.ts';

/**
 * Reads the report of the session of a name that was written last: a container that is started again under the same
 * TIMESTAMP is a session of its own. Undefined: there is none.
 */
export type ReadReport = (name: string, signal: AbortSignal) => Promise<string | undefined>;

/** Where the reports of the sessions of one name may lie. */
interface Place {
  /** What the keys of all begin with, and few other keys. */
  readonly prefixes: readonly string[];
  isReport(key: string): boolean;
  /** The key of the n-th, from 1. */
  key(n: number): string;
}

/** Reports have a few KiB. */
const MAX_REPORT_BYTES = 4 * 1024 * 1024;
/** So many sessions of one name count their names; see save/claim.ts. */
const MAX_NAMES = 100;

export function createReportReader(
  destination: Store,
  { listing, experiments }: { readonly listing: Listing; readonly experiments: Experiments },
): ReadReport {
  const read = (key: string, signal: AbortSignal) =>
    readText(destination, key, { maxBytes: MAX_REPORT_BYTES, signal });

  async function readLatest(place: Place, signal: AbortSignal): Promise<string | undefined> {
    const found: StoredObject[] = [];
    try {
      for (const prefix of place.prefixes)
        for await (const object of listing.list(prefix, signal))
          if (place.isReport(object.key)) found.push(object);
    } catch (error) {
      if (!(error instanceof DeniedError)) throw error;
      return readLast(place, signal);
    }
    return readNewest(found, signal);
  }

  async function readNewest(found: readonly StoredObject[], signal: AbortSignal) {
    const [newest] = found.toSorted((a, b) => b.modifiedMs - a.modifiedMs || compareNumbers(b.key, a.key));
    return newest && (await read(newest.key, signal));
  }

  /** Without a listing: the last of those that follow one another. Also a key that is not there is denied then. */
  async function readLast({ key }: Place, signal: AbortSignal): Promise<string | undefined> {
    let last: string | undefined;
    for (let n = 1; n <= MAX_NAMES; n += 1) {
      const text = await read(key(n), signal).catch(unlessDenied);
      // The first may have been killed, and have left none.
      if (text === undefined && n > 1) break;
      last = text ?? last;
    }
    return last;
  }

  return async (name, signal) => {
    for (const place of [placeOf(name), earlierPlaceOf(name)]) {
      const text = await readLatest(place, signal);
      if (text !== undefined) return text;
    }
    const session = await experiments.find(name, signal);
    return session && readNewest(session.reports, signal);
  };
}

function placeOf(name: string): Place {
  return {
    prefixes: [`${sessionFolder(name)}.`, `${sessionFolder(name)}/session.`],
    isReport(key) {
      const own = sessionOfKey(key);
      return own !== undefined && isReportName(own.inside) && isSessionOf(own.name, name);
    },
    key: n => reportKey(nthSessionName(name, n)),
  };
}

/** Earlier versions put reports beside archives. */
function earlierPlaceOf(name: string): Place {
  const start = `${name}/`;
  return {
    prefixes: [`${start}session.`],
    isReport: key => isReportName(key.slice(start.length)),
    key: n => (n === 1 ? `${start}session.json` : `${start}session.${n}.json`),
  };
}

/** Of names that differ in their number; S3 tells times in seconds. */
function compareNumbers(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}

function unlessDenied(error: unknown): undefined {
  if (!(error instanceof DeniedError)) throw error;
}
