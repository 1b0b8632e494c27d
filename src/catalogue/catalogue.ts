import { mapConcurrently } from '../runtime/concurrency.ts';
import { keyOf, placeOf } from '../save/archive-name.ts';
import { SILENT_MS, StoreSilentError } from '../store/silence.ts';
import { watchForStall } from '../store/stall.ts';
import type { DeniedError, Store, StoredObject } from '../store/store.ts';
import type { FactsCache } from './cache.ts';
import { archiveEntry, type CatalogueEntry, entriesOf } from './entry.ts';
import { type ReadSession, readSession } from './facts.ts';
import {
  fingerprintOf,
  folderOf,
  isUsualArchive,
  type ListedSession,
  listSessions,
  nameOf,
} from './listing.ts';

/** The sessions at a destination. */
export interface Catalogue {
  readonly entries: readonly CatalogueEntry[];
  /** How many objects are no session's. */
  readonly foreign: number;
  /** The first right to read that was missing: of some sessions only their objects are known then. */
  readonly denied: DeniedError | undefined;
}

export interface CatalogueOptions {
  readonly signal: AbortSignal;
  /** By this machine's clock, in milliseconds since the epoch. */
  readonly nowMs: number;
  readonly cache?: FactsCache | undefined;
  /** Where to look; default: everywhere. */
  readonly prefixes?: readonly string[];
  /** Leaves out other sessions, by the keys of their folders; default: none. */
  readonly isWanted?: (folder: string) => boolean;
  /** How long the store may say nothing; default: a minute. */
  readonly silentMs?: number;
}

/** How many sessions are read at the same time. */
const READ_AT_ONCE = 64;

/**
 * Reads what lies at a destination: one listing, then the reports and the journals that the cache does not know. It takes
 * the rights to list and to read, and no others.
 * @throws {DeniedError} when the right to list is missing
 * @throws {StoreSilentError} when nothing has come for so long
 */
export async function readCatalogue(destination: Store, options: CatalogueOptions): Promise<Catalogue> {
  const { silentMs = SILENT_MS } = options;
  const watch = watchForStall(silentMs, options.signal);
  try {
    return await readWhile(destination, { ...options, signal: watch.signal }, watch.moved);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!watch.signal.aborted) throw error;
    throw new StoreSilentError(destination.url, silentMs);
  } finally {
    watch.stop();
  }
}

async function readWhile(
  destination: Store,
  { signal, nowMs, cache, prefixes, isWanted }: CatalogueOptions,
  onProgress: () => void,
): Promise<Catalogue> {
  const listing = await listSessions(destination, { signal, prefixes, isWanted, onListed: onProgress });
  let { foreign } = listing;
  const archives = new Map(listing.archives);
  const archivesOf = groupByName(listing.archives.values());
  const read = async (listed: ListedSession) => {
    const session = await readOrRemember(destination, listed, cache, signal);
    onProgress();
    for (const key of archiveKeysOf(listed, session)) {
      const mayBeLeftOut = prefixes !== undefined || !isUsualArchive(nameOf(key));
      if (!archives.has(key) && mayBeLeftOut && (await addArchive(destination, key, archives, signal)))
        foreign -= 1;
    }
    return { listed, ...session };
  };
  const entries: CatalogueEntry[] = [];
  const amendedKeys = new Set<string>();
  let denied: DeniedError | undefined;
  for await (const session of mapConcurrently(each(listing.sessions.values()), READ_AT_ONCE, read)) {
    const { listed, facts } = session;
    denied ??= session.denied;
    for (const key of amendedKeysOf(session)) amendedKeys.add(key);
    if (isForeign(session, archivesOf)) foreign += listed.reports.length;
    else entries.push(...entriesOf({ destination, listed, facts, archives, archivesOf, nowMs }));
  }
  const told = new Set(entries.map(({ archive }) => archive?.key));
  for (const key of amendedKeys) told.add(key);
  for (const archive of archives.values()) {
    if (told.has(archive.key)) continue;
    if (isUsualArchive(nameOf(archive.key))) entries.push(archiveEntry(archive, destination));
    else foreign += 1;
  }
  return { entries, foreign, denied };
}

/** Where the reports of a folder say that archives are. */
function archiveKeysOf({ folder }: ListedSession, { facts }: ReadSession): string[] {
  const { root } = placeOf(folder);
  return facts.reports.flatMap(({ archive }) => (archive === undefined ? [] : keyOf(root, archive.key)));
}

/** The archives that an amendment is about: the one of them that the report does not name is no other session's. */
function amendedKeysOf({ listed, facts }: ReadSession & { readonly listed: ListedSession }): string[] {
  const { root } = placeOf(listed.folder);
  const { archiveKey, oldKeys } = facts.amendment ?? { archiveKey: '', oldKeys: [] };
  return [archiveKey, ...oldKeys].map(key => keyOf(root, key));
}

/** Looks for an archive that its name did not tell from other objects, or that is below none of the prefixes. */
async function addArchive(
  destination: Store,
  key: string,
  archives: Map<string, StoredObject>,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const object of destination.list(key, signal)) {
    if (object.key === key) archives.set(key, object);
    return object.key === key;
  }
  return false;
}

async function readOrRemember(
  destination: Store,
  listed: ListedSession,
  cache: FactsCache | undefined,
  signal: AbortSignal,
): Promise<ReadSession> {
  const fingerprint = fingerprintOf(listed);
  const known = cache?.get(listed.folder, fingerprint);
  if (known !== undefined) return { facts: known, denied: undefined };
  const read = await readSession(destination, listed, signal);
  const isRead =
    read.denied === undefined && read.facts.journals.every(each => each.unreadable === undefined);
  if (isRead) cache?.set(listed.folder, fingerprint, read.facts);
  return read;
}

/** A `session.json` of somebody else's, in a folder that has nothing of a session. */
function isForeign(
  { listed, facts, denied }: ReadSession & { readonly listed: ListedSession },
  archivesOf: (name: string) => readonly StoredObject[],
): boolean {
  const { folder, claim, journals } = listed;
  return (
    !placeOf(folder).isClaimed &&
    denied === undefined &&
    claim === undefined &&
    journals.size === 0 &&
    facts.reports.length === 0 &&
    !archivesOf(nameOf(folder)).some(({ key }) => folderOf(key) === folder)
  );
}

function groupByName(archives: Iterable<StoredObject>): (name: string) => readonly StoredObject[] {
  const groups = Map.groupBy(archives, ({ key }) => nameOf(folderOf(key)));
  return name => groups.get(name) ?? [];
}

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
