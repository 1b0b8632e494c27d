import { SESSIONS_FOLDER } from '../config/key-template.ts';
import { keyOf, placeOf } from '../save/archive-name.ts';
import type { Store, StoredObject } from '../store/store.ts';
import type { AmendmentFacts, JournalFacts, ReportFacts, SessionFacts } from './facts.ts';
import { folderOf, type ListedSession, nameOf } from './listing.ts';
import { type Judged, judge } from './state.ts';

/** One run of a session, as a catalogue tells of it. */
export interface CatalogueEntry extends Judged {
  readonly session: string;
  /** Names it to `recover`, `tail` and `show`. */
  readonly url: string;
  readonly experiment: string | undefined;
  readonly startedMs: number | undefined;
  /** Of one that was cut off: until when it is covered. */
  readonly endedMs: number | undefined;
  /** In milliseconds; of one that runs until now. */
  readonly lengthMs: number | undefined;
  /** Why it ended, by the fixed word; undefined: it was cut off, runs, or does not tell. */
  readonly end: string | undefined;
  readonly exitCode: number | undefined;
  /** How many people there were at most. */
  readonly people: number | undefined;
  /** Of the archive; of what is only in a journal, of that. */
  readonly bytes: number | undefined;
  /** Of a session that runs: how long ago its journal was written last, in milliseconds. */
  readonly lagMs: number | undefined;
  /** Of a report that a later version wrote. */
  readonly newerFormat: number | undefined;
  readonly archive: StoredObject | undefined;
  /** The key of what is its index, unless that is of another run's archive. */
  readonly index: string | undefined;
  readonly report: ReportFacts | undefined;
  readonly journals: readonly JournalFacts[];
  /** Its archive is being replaced, or somebody was cut off while doing so. */
  readonly amendment: AmendmentFacts | undefined;
  /** The key of what should be a report and is none. */
  readonly damagedReport: string | undefined;
}

/** What the entries of one folder are made of. */
export interface EntrySources {
  readonly destination: Pick<Store, 'url'>;
  readonly listed: ListedSession;
  readonly facts: SessionFacts;
  /** By their keys. */
  readonly archives: ReadonlyMap<string, StoredObject>;
  /** The archives in folders of a name. */
  readonly archivesOf: (name: string) => readonly StoredObject[];
  readonly nowMs: number;
}

/** Reports and journals of one run. */
interface Run {
  report?: ReportFacts;
  readonly journals: JournalFacts[];
}

/** The runs of a folder: more than one where a claim was deleted, or an earlier version was started again. */
export function entriesOf(sources: EntrySources): CatalogueEntry[] {
  return runsOf(sources.facts).map(run => entryOf(run, sources));
}

/** A session that has left its archive and nothing else: so did the script that this program replaces. */
export function archiveEntry(archive: StoredObject, destination: Pick<Store, 'url'>): CatalogueEntry {
  const folder = folderOf(archive.key);
  return {
    ...UNKNOWN,
    ...{ state: 'saved', why: 'it has no report', session: nameOf(folder), archive, bytes: archive.bytes },
    url: `${destination.url}/${folder}`,
    experiment: experimentIn(archive.key),
    startedMs: timeIn(nameOf(folder)),
  };
}

const UNKNOWN = {
  ...{
    endedMs: undefined,
    lengthMs: undefined,
    end: undefined,
    exitCode: undefined,
    people: undefined,
    lagMs: undefined,
  },
  ...{
    newerFormat: undefined,
    index: undefined,
    report: undefined,
    journals: [],
    damagedReport: undefined,
    amendment: undefined,
  },
};

function runsOf({ reports, journals }: SessionFacts): Run[] {
  const runs = new Map<string, Run>();
  for (const report of reports) {
    const known = runs.get(report.run ?? report.key);
    // A recovery of what the session has saved in the end puts its report beside that.
    runs.set(report.run ?? report.key, { journals: [], ...known, report });
  }
  for (const journal of journals) {
    const [only, ...others] = runs.values();
    const isOnly = others.length === 0 && (only?.report?.run === undefined || journal.run === undefined);
    const own = runs.get(journal.run ?? '') ?? (isOnly ? only : undefined) ?? { journals: [] };
    own.journals.push(journal);
    if (![...runs.values()].includes(own)) runs.set(journal.run ?? journal.prefix, own);
  }
  return runs.size === 0 ? [{ journals: [] }] : [...runs.values()];
}

function entryOf({ report, journals }: Run, sources: EntrySources): CatalogueEntry {
  const { destination, listed, facts, nowMs } = sources;
  const place = placeOf(listed.folder);
  const archive = findArchive(report, sources, place);
  const archiveUrl = report?.archive?.url;
  const judged = judge(
    {
      ...{ report, journals, archive },
      damagedReport: facts.damaged[0],
      isElsewhere: archive === undefined && archiveUrl !== undefined && !isAt(archiveUrl, destination.url),
    },
    nowMs,
  );
  const journal = journals.toSorted((a, b) => b.lastWrittenMs - a.lastWrittenMs)[0];
  const archiveKey = archive?.key ?? (report?.archive && keyOf(place.root, report.archive.key));
  const coveredMs = timeIn(journal?.status?.coveredUntil);
  const startedMs = report?.startedMs ?? timeIn(facts.claim?.startedAt) ?? timeIn(place.name);
  const isLive = judged.state === 'live';
  const endedMs = isLive ? undefined : (report?.endedMs ?? coveredMs);
  const untilMs = isLive ? nowMs : endedMs;
  return {
    ...judged,
    session: report?.session ?? place.name,
    url: `${destination.url}/${place.isClaimed ? keyOf(place.root, place.name) : listed.folder}`,
    experiment:
      place.experiment ??
      (archiveKey && experimentIn(archiveKey.slice(place.root === '' ? 0 : place.root.length + 1))) ??
      journal?.status?.experiment,
    ...{ startedMs, endedMs },
    lengthMs: startedMs === undefined || untilMs === undefined ? undefined : Math.max(0, untilMs - startedMs),
    end: report?.by,
    exitCode: report?.exitCode,
    people: report?.peak ?? journal?.status?.peak,
    bytes: archive?.bytes ?? report?.archive?.bytes ?? sumOf(journals),
    lagMs: isLive && journal ? Math.max(0, nowMs - journal.lastWrittenMs) : undefined,
    newerFormat: report?.newerFormat,
    ...{ archive, index: listed.index?.key, report, journals, damagedReport: facts.damaged[0] },
    amendment: report?.archive && amendmentOf(report.archive.key, facts),
  };
}

/** By its report, or in a folder of the session's name. */
function findArchive(
  report: ReportFacts | undefined,
  { archives, archivesOf, listed }: EntrySources,
  { root, name }: ReturnType<typeof placeOf>,
): StoredObject | undefined {
  if (report?.archive !== undefined) return archives.get(keyOf(root, report.archive.key));
  if (report !== undefined) return undefined;
  const isHere = ({ key }: StoredObject) => root === '' || key.startsWith(`${root}/`);
  const beside = listed.folder.includes(SESSIONS_FOLDER) ? undefined : listed.folder;
  return archivesOf(name).find(object =>
    beside === undefined ? isHere(object) : folderOf(object.key) === beside,
  );
}

/** Of the run whose report names one of its archives; one that cannot be read may be any run's. */
function amendmentOf(key: string, { amendment }: SessionFacts): AmendmentFacts | undefined {
  if (amendment === undefined) return undefined;
  const { archiveKey, oldKeys } = amendment;
  return [archiveKey, ...oldKeys].includes(key) || archiveKey === '' ? amendment : undefined;
}

/**
 * The experiment whose prefix a key has, below its destination: `turk/<id>/…`, `<id>/interaction/…`, or whatever else
 * stands before the folder of the archive.
 */
function experimentIn(key: string): string | undefined {
  const above = folderOf(folderOf(key));
  const named = /^turk\/([^/]+)$/.exec(above)?.[1] ?? above.replace(/\/interaction$/, '');
  return named === '' ? undefined : named;
}

function isAt(url: string, destination: string): boolean {
  const named = (text: string) => decodeURI(text).replace(/\/$/, '');
  try {
    return named(url).startsWith(`${named(destination)}/`);
  } catch {
    return url.startsWith(`${destination}/`);
  }
}

/** Of a time, or of a name that begins with one. */
function timeIn(text = ''): number | undefined {
  const [time] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?/.exec(text) ?? [];
  if (time === undefined) return undefined;
  const ms = Date.parse(/[Z+]|-\d\d:\d\d$/.test(time) ? time : `${time}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

function sumOf(journals: readonly JournalFacts[]): number | undefined {
  return journals.length === 0 ? undefined : journals.reduce((sum, { bytes }) => sum + bytes, 0);
}
