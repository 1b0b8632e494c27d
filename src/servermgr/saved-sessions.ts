import { SESSIONS_FOLDER } from '../config/key-template.ts';
import { parseReport } from '../report/schema.ts';
import { isSessionOf, reportKey, sessionFolder } from '../report/session-folder.ts';
import { readText } from '../store/read.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { isSessionName } from './session-id.ts';

/** What the pages show of a session's report. */
export interface SavedReport {
  readonly text: string;
  readonly saved: string;
  /** undefined: the session was cut off, and has been recovered. */
  readonly exitCode: number | undefined;
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
  readonly peak: number | undefined;
  readonly archive: { readonly key: string; readonly bytes: number } | undefined;
}

/** Reads what sessions have saved at their destination: it is there when ECS and Docker list them no more. */
export interface SavedSessions {
  /** The report of a session; undefined: there is none (yet). */
  report(name: string, signal: AbortSignal): Promise<SavedReport | undefined>;
  /** Whether a session has left a journal. */
  hasJournal(name: string, signal: AbortSignal): Promise<boolean>;
  /** The names of the sessions that were requested yesterday and today (UTC), the newest first. */
  recent(nowMs: number, signal: AbortSignal): Promise<readonly string[]>;
  /** The URL of the session, an argument of the supervisor's `recover`. */
  urlOf(name: string): string;
  /** The bytes of one archive; undefined: there is no such object. */
  read(key: string, signal: AbortSignal): Promise<AsyncIterable<Buffer> | undefined>;
  /** A URL at which a browser saves one archive as `fileName`; undefined: it is in a folder of this machine. */
  linkTo(key: string, fileName: string, signal: AbortSignal): Promise<string | undefined>;
  close(): void;
}

const DAY_MS = 86_400_000;
/** Reports have a few KiB. */
const MAX_REPORT_BYTES = 4 * 1024 * 1024;
/** Browsers follow a link at once; a download that has begun may take longer. */
const LINK_EXPIRES_S = 600;
/** Of one day: there are journals of running sessions among the objects, with thousands of segments. */
const MAX_LISTED = 20_000;

/** Reads a destination; never writes to it. */
export function openSavedSessions(destination: Store): SavedSessions {
  /** Final reports, by the name of their session. */
  const cache = new Map<string, SavedReport>();

  return {
    async report(name, signal) {
      const cached = cache.get(name);
      if (cached !== undefined) return cached;
      const text = await readLatest(destination, name, signal);
      const report = text === undefined ? undefined : readSavedReport(text);
      if (report !== undefined && isFinal(report)) addToCache(cache, name, report);
      return report;
    },

    async hasJournal(name, signal) {
      for await (const _ of destination.list(`${name}/journal/`, signal)) return true;
      for await (const { key } of destination.list(sessionFolder(name), signal)) {
        const own = sessionOfKey(key);
        if (own?.inside.startsWith('journal/') && isSessionOf(own.name, name)) return true;
      }
      return false;
    },

    async recent(nowMs, signal) {
      const days = [nowMs, nowMs - DAY_MS].map(ms => new Date(ms).toISOString().slice(0, 10));
      const found = await Promise.all(
        days.map(async day => {
          const places = [sessionFolder(day), day].map(prefix =>
            namesBelow(destination.list(prefix, signal)),
          );
          return [...new Set((await Promise.all(places)).flat())].sort().reverse();
        }),
      );
      return found.flat();
    },

    urlOf: name => `${destination.url.replace(/\/$/, '')}/${encodeURI(name)}`,
    read: (key, signal) => destination.get(key, signal),
    linkTo: (key, fileName, signal) => destination.linkTo(key, { fileName, signal, expiresInS: LINK_EXPIRES_S }),
    close: () => destination.close(),
  };
}

/** Whether a report will not change: one whose session left its journal will, when that is recovered. */
export function isFinal({ saved }: SavedReport): boolean {
  return saved !== 'journal';
}

const MAX_CACHED = 2_000;

function addToCache(cache: Map<string, SavedReport>, name: string, report: SavedReport): void {
  cache.set(name, report);
  const [oldest] = cache.keys();
  if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest);
}

/**
 * The report of the session of that name which was written last: a container that is started again under the same
 * TIMESTAMP is a session of its own. Earlier versions put reports beside archives.
 */
async function readLatest(
  destination: Store,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const options = { maxBytes: MAX_REPORT_BYTES, signal };
  let latest: StoredObject | undefined;
  for await (const object of destination.list(`${sessionFolder(name)}.`, signal)) {
    const own = sessionOfKey(object.key);
    const isReport = own?.inside === 'session.json' && isSessionOf(own.name, name);
    if (isReport && object.modifiedMs >= (latest?.modifiedMs ?? 0)) latest = object;
  }
  const keys = [latest?.key, reportKey(name), `${name}/session.json`].filter(key => key !== undefined);
  for (const key of keys) {
    const text = await readText(destination, key, options);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** The session whose object a key names, and what is below its folder. */
function sessionOfKey(key: string): { readonly name: string; readonly inside: string } | undefined {
  const [folder, name = '', ...inside] = key.split('/');
  return folder === SESSIONS_FOLDER ? { name, inside: inside.join('/') } : undefined;
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

function parseTime(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

/** @returns undefined when the text is no report: no page fails because of it. */
function readSavedReport(text: string): SavedReport | undefined {
  const report = parseReport(text);
  if (report === undefined) return undefined;
  const { end, people, archive, saved, exitCode, startedAt, endedAt, coveredUntil } = report;
  return {
    // A session that was cut off could not write why it ended: its report is its recovery's.
    text: end?.text ?? 'it was cut off, and what it had recorded has been recovered',
    ...{ saved, exitCode, archive },
    startedMs: parseTime(startedAt),
    endedMs: parseTime(endedAt ?? coveredUntil),
    peak: people?.peak,
  };
}
