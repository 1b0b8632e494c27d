import { createHash } from 'node:crypto';
import { INDEX_NAME } from '../archive-index/format.ts';
import { SESSIONS_FOLDER } from '../config/key-template.ts';
import { addToTally, EMPTY_TALLY, parseJournalKey, type Tally } from '../journal/reader/tally.ts';
import { folderObject, isReportName } from '../report/session-folder.ts';
import type { Store, StoredObject } from '../store/store.ts';

/** What a listing tells of the folder of a session: `.sessions/<name>`, or in earlier versions that of the archive. */
export interface ListedSession {
  /** Its key. */
  readonly folder: string;
  readonly reports: StoredObject[];
  claim: StoredObject | undefined;
  /** Somebody replaces its archive, or was cut off while doing so: see report/amendment.ts. */
  amendment: StoredObject | undefined;
  /** Of the archive that was stored last. */
  index: StoredObject | undefined;
  /** By their prefixes. */
  readonly journals: Map<string, Tally>;
}

/** What lies at a destination, by the names of its objects alone. */
export interface Listing {
  /** By their folders. */
  readonly sessions: ReadonlyMap<string, ListedSession>;
  /** What may be the archive of a session, by its key. */
  readonly archives: ReadonlyMap<string, StoredObject>;
  /** How many objects are no session's. */
  foreign: number;
}

interface ListOptions {
  readonly signal: AbortSignal;
  /** Called with each object. */
  readonly onListed: () => void;
  /** Default: everything. */
  readonly prefixes: readonly string[] | undefined;
  /** Leaves out the folders of other sessions. */
  readonly isWanted: ((folder: string) => boolean) | undefined;
}

/**
 * Reads a listing object by object: of what is no session's nothing is kept but its number, of a journal its sums.
 * @throws as `Store.list` does
 */
export async function listSessions(
  destination: Store,
  { signal, onListed, prefixes = [''], isWanted = () => true }: ListOptions,
): Promise<Listing> {
  const sessions = new Map<string, ListedSession>();
  const archives = new Map<string, StoredObject>();
  const names = new Set<string>();
  const listing = { sessions, archives, foreign: 0 };

  function sessionAt(folder: string): ListedSession {
    const session = sessions.get(folder) ?? { ...EMPTY, folder, reports: [], journals: new Map() };
    if (session.reports.length === 0) names.add(nameOf(folder));
    sessions.set(folder, session);
    return session;
  }

  function take(object: StoredObject): void {
    const { folder, inside } = placeOf(object.key);
    if (folder !== undefined) {
      if (isWanted(folder)) addTo(sessionAt(folder), inside, object);
    } else if (isArchiveOf(object.key, names)) archives.set(object.key, object);
    else listing.foreign += 1;
  }

  for (const prefix of prefixes) {
    for await (const object of destination.list(prefix, signal)) {
      onListed();
      take(object);
    }
  }
  return listing;
}

const EMPTY = { claim: undefined, amendment: undefined, index: undefined };

/** Differs when anything has changed of which a session's facts are read. */
export function fingerprintOf({ reports, claim, amendment, journals }: ListedSession): string {
  const objects = [...reports, claim, amendment].filter(object => object !== undefined);
  const parts = objects.map(({ key, bytes, modifiedMs, version }) => [key, bytes, modifiedMs, version]);
  const text = JSON.stringify([parts, [...journals]]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** The last part of a key. */
export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

/** The folder of a key; empty: it is in none. */
export function folderOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf('/')));
}

const INSIDE = new RegExp(`^((?:.*/)?${SESSIONS_FOLDER.replace('.', '\\.')}/[^/]+)/(.+)$`, 's');

/** @returns folder: that of the session whose object it is, in which it is `inside`; undefined: it is in none */
function placeOf(key: string): { readonly folder: string | undefined; readonly inside: string } {
  const [, folder, inside] = INSIDE.exec(key) ?? [];
  if (folder !== undefined && inside !== undefined) return { folder, inside };
  const { session, journal, name } = parseJournalKey(key);
  const isJournals = journal !== undefined && addToTally(EMPTY_TALLY, name, NOTHING) !== EMPTY_TALLY;
  const isOwn = session !== '' && (isJournals || (journal === undefined && isReportName(name)));
  return { folder: isOwn ? session : undefined, inside: key.slice(session.length + 1) };
}

const NOTHING: StoredObject = { key: '', bytes: 0, modifiedMs: 0 };

function addTo(session: ListedSession, inside: string, object: StoredObject): void {
  const { session: above, journal, name } = parseJournalKey(inside);
  if (journal !== undefined && above === '') {
    const prefix = `${session.folder}/${journal}`;
    session.journals.set(prefix, addToTally(session.journals.get(prefix) ?? EMPTY_TALLY, name, object));
    return;
  }
  const kind = folderObject(inside);
  switch (kind) {
    case 'report':
      session.reports.push(object);
      return;
    case 'claim':
      session.claim ??= object;
      return;
    case 'amendment':
      session.amendment = object;
      return;
    case 'of-archive':
      if (inside === INDEX_NAME) session.index = object;
      return;
    case 'journal':
      return;
    default:
      kind satisfies never;
  }
}

/** What an archive is called unless SESSION_ARCHIVE says otherwise, in any of its codecs. */
const USUAL_ARCHIVE = /^logs(?:\.\d+)?\.tar(?:\.gz|\.zst)?$/;
const ANY_ARCHIVE = /\.tar(?:\.gz|\.zst)?$/;
/** `2026-11-22`, or `20261122`. */
const DATE = /(?<!\d)20\d\d(-?)[01]\d\1[0-3]\d/;

/**
 * Whether a key may be that of an archive: by its name, by its folder's, or by a time in that. The folders of sessions
 * are listed before those of their archives.
 */
function isArchiveOf(key: string, names: ReadonlySet<string>): boolean {
  const folder = folderOf(key);
  if (folder === '') return false;
  const name = nameOf(key);
  if (isUsualArchive(name)) return true;
  return ANY_ARCHIVE.test(name) && (names.has(nameOf(folder)) || DATE.test(folder));
}

/** Whether a file is called as archives are by default: then it counts as a session's, also when nothing else tells. */
export function isUsualArchive(name: string): boolean {
  return USUAL_ARCHIVE.test(name);
}
