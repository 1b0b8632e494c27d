import type { People } from '../journal/format/people.ts';
import { isFinal, readSavedReport, type SavedReport } from '../report/saved-report.ts';
import { isSessionOf, sessionFolder, sessionOfKey } from '../report/session-folder.ts';
import { timeoutSignal, within } from '../runtime/abort.ts';
import type { Log } from '../runtime/log.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { createExperiments, isEarlierJournal } from './saved/experiments.ts';
import { createListing } from './saved/listing.ts';
import { createPeopleReader } from './saved/people-reader.ts';
import { createReportReader } from './saved/report-reader.ts';
import { isSessionName } from './session-id.ts';

/** Reads what sessions have saved at their destination: it is there when ECS and Docker list them no more. */
export interface SavedSessions {
  /** The report of a session; undefined: there is none (yet). One that will not change is read anew once a minute. */
  report(name: string, signal: AbortSignal): Promise<SavedReport | undefined>;
  /** Who takes part in a session that runs; undefined: it does not tell. */
  people(name: string, signal: AbortSignal): Promise<People | undefined>;
  /** Whether a session has left a journal. */
  hasJournal(name: string, signal: AbortSignal): Promise<boolean>;
  /** The names of the sessions that were requested yesterday and today (UTC), the newest first. */
  recent(nowMs: number, signal: AbortSignal): Promise<readonly string[]>;
  /** Below the destination, the folder that names a session to the supervisor's `recover`. */
  folderOf(name: string, signal: AbortSignal): Promise<string>;
  /** Its URL, which is an argument of `recover`. */
  urlOf(folder: string): string;
  /** The bytes of one archive; undefined: there is no such object. */
  read(key: string, signal: AbortSignal): Promise<AsyncIterable<Buffer> | undefined>;
  /** A URL at which a browser saves one archive as `fileName`; undefined: it is in a folder of this machine. */
  linkTo(key: string, fileName: string, signal: AbortSignal): Promise<string | undefined>;
  close(): void;
}

const DAY_MS = 86_400_000;
/** Browsers follow a link at once; a download that has begun may take longer. */
const LINK_EXPIRES_S = 600;
/** Of one day: there are journals of running sessions among the objects, with thousands of segments. */
const MAX_LISTED = 20_000;
/**
 * A report that will not change may still be followed by that of another session of the same name, which a container
 * that is started again is. A listing and a read a minute, of the sessions that somebody looks at, cost next to nothing.
 */
const REREAD_MS = 60_000;
const REREAD_TIMEOUT_MS = 30_000;
/** How long a page waits for that; then it shows the report that is known. */
const REREAD_WAIT_MS = 2_000;

/** Reads a destination; never writes to it. */
export function openSavedSessions(destination: Store, log: Log): SavedSessions {
  const listing = createListing(destination, log);
  const experiments = createExperiments(listing, log);
  const readText = createReportReader(destination, { listing, experiments });
  const people = createPeopleReader(destination);
  const cache = createCache();

  async function read(name: string, signal: AbortSignal): Promise<SavedReport | undefined> {
    const text = await readText(name, signal);
    const report = text === undefined ? undefined : readSavedReport(text);
    if (report !== undefined) cache.set(name, report);
    return report;
  }

  return {
    async report(name, signal) {
      const known = cache.get(name);
      if (known === undefined) return read(name, signal);
      if (Date.now() - known.readMs < REREAD_MS) return known.report;
      cache.set(name, known.report);
      // What fails is logged by the store, and the report that is known stays.
      const reading = read(name, timeoutSignal(REREAD_TIMEOUT_MS)).catch(() => undefined);
      return (await within(REREAD_WAIT_MS, reading, signal)) ?? known.report;
    },

    people,

    async hasJournal(name, signal) {
      for await (const { key } of listing.listIfAllowed(`${name}/journal`, signal))
        if (isEarlierJournal(key.slice(name.length + 1))) return true;
      for await (const { key } of listing.listIfAllowed(sessionFolder(name), signal)) {
        const own = sessionOfKey(key);
        if (own?.inside.startsWith('journal/') && isSessionOf(own.name, name)) return true;
      }
      return (await experiments.find(name, signal))?.hasJournal === true;
    },

    async recent(nowMs, signal) {
      const days = [nowMs, nowMs - DAY_MS].map(ms => new Date(ms).toISOString().slice(0, 10));
      const ofExperiments = await experiments.names(signal);
      const found = await Promise.all(
        days.map(async day => {
          const places = [sessionFolder(day), day].map(prefix =>
            namesBelow(listing.listIfAllowed(prefix, signal)),
          );
          const names = [...(await Promise.all(places)).flat(), ...ofExperiments];
          return [...new Set(names.filter(name => name.startsWith(day)))].sort().reverse();
        }),
      );
      return found.flat();
    },

    async folderOf(name, signal) {
      const session = await experiments.find(name, signal);
      return session?.hasJournal ? session.folder : name;
    },

    urlOf: folder => `${destination.url.replace(/\/$/, '')}/${encodeURI(folder)}`,
    read: (key, signal) => destination.get(key, signal),
    linkTo: (key, fileName, signal) =>
      destination.linkTo(key, { fileName, signal, expiresInS: LINK_EXPIRES_S }),
    close() {
      experiments.close();
      destination.close();
    },
  };
}

const MAX_CACHED = 2_000;

interface CachedReport {
  readonly report: SavedReport;
  readonly readMs: number;
}

/** The reports that will not change, by the name of their session. */
function createCache() {
  const cache = new Map<string, CachedReport>();
  return {
    get: (name: string) => cache.get(name),
    set(name: string, report: SavedReport) {
      cache.delete(name);
      if (isFinal(report)) cache.set(name, { report, readMs: Date.now() });
      const [oldest] = cache.keys();
      if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest);
    },
  };
}

async function namesBelow(objects: AsyncIterable<StoredObject>): Promise<string[]> {
  const names = new Set<string>();
  let listed = 0;
  for await (const { key } of objects) {
    const name = nameIn(key);
    if (name !== undefined) names.add(name);
    listed += 1;
    if (listed >= MAX_LISTED) break;
  }
  return [...names];
}

/** The name that a manager gave; undefined: it gave none, or the session has claimed its place and no more. */
function nameIn(key: string): string | undefined {
  const own = sessionOfKey(key);
  const isClaim = own !== undefined && /^claim(?:\.json$|s\/)/.test(own.inside);
  const name = own === undefined ? key.split('/', 1)[0] : NAMED.exec(own.name)?.[1];
  return name !== undefined && !isClaim && isSessionName(name) ? name : undefined;
}

/** A manager's name has one dot; what a session appends to it, when it is taken, comes after another. */
const NAMED = /^([^.]*\.[^.]*)/;
