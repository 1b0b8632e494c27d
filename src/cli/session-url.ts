import { SESSIONS_FOLDER } from '../config/key-template.ts';
import { parseSessionConfig } from '../config/session.ts';
import type { DestinationUrl, Environment, SessionConfig } from '../config/session-config.ts';
import { type FoundJournal, findJournals } from '../journal/reader/find.ts';
import { isSessionOf, sessionFolder } from '../report/session-folder.ts';
import { placeOf } from '../save/archive-name.ts';
import { openStore } from '../store/open.ts';
import type { RetryObserver } from '../store/retry.ts';
import type { Store } from '../store/store.ts';

/** The journals of the sessions that a URL names, and the destination that they were found at. */
export interface NamedSessions {
  readonly destination: Store;
  readonly journals: readonly FoundJournal[];
}

interface FindOptions extends RetryObserver {
  readonly signal: AbortSignal;
  /** Named by what is written. */
  readonly run?: string;
}

/** What the settings of a session say of how to reach a destination and how to pack an archive. */
export function configFor(url: string, env: Environment, cwd: string): SessionConfig {
  const given = { ...env, SESSION_DESTINATION: url, CRAFTASSIST_NO_UPLOAD: undefined };
  return parseSessionConfig(given, { cwd, terminal: false, now: new Date() }).config;
}

/**
 * Finds what `s3://bucket/prefix/TIMESTAMP`, a file URL or a path names: all sessions of that TIMESTAMP, by the URL of
 * their destination or of an archive's own folder.
 * @throws when the nearest folder that may be the destination cannot be read
 */
export async function findNamedSessions(config: SessionConfig, options: FindOptions): Promise<NamedSessions> {
  const { destination, found = [] } = await searchUpwards(config, options, async (store, candidate) => {
    const journals = await journalsAt(store, candidate, options.signal);
    return journals.length > 0 ? journals : undefined;
  });
  return { destination, journals: found };
}

/** The destination that something was found at; where nothing was, the nearest folder that may be one. */
interface Search<T> {
  readonly destination: Store;
  readonly found: T | undefined;
}

/**
 * Looks in each folder that may be the destination of a named session, the nearest first: which part of a URL is the
 * destination is found out by looking.
 * @param look undefined: it is not there
 * @throws when the nearest one cannot be read
 */
export async function searchUpwards<T>(
  { save }: SessionConfig,
  { signal, ...options }: FindOptions,
  look: (destination: Store, candidate: Candidate) => Promise<T | undefined>,
): Promise<Search<T>> {
  let nearest: Store | undefined;
  let fault: unknown;
  for (const candidate of candidatesOf(save.destination)) {
    const destination = await openStore(candidate.root, { s3: save.s3, ...options });
    nearest ??= destination;
    try {
      const found = await look(destination, candidate);
      if (found !== undefined) {
        if (destination !== nearest) nearest.close();
        return { destination, found };
      }
    } catch (error) {
      // Further up the rights may end.
      if (destination === nearest || signal.aborted) fault ??= error;
    }
    if (destination !== nearest) destination.close();
    if (signal.aborted) break;
  }
  if (fault !== undefined) {
    nearest?.close();
    throw fault;
  }
  if (nearest === undefined) throw new Error('the URL names no session');
  return { destination: nearest, found: undefined };
}

/** A folder that may be the destination of a named session. */
export interface Candidate {
  readonly root: DestinationUrl;
  readonly name: string;
  /** Where earlier versions kept the journal, if this is the destination; undefined: not here. */
  readonly besideArchive: string | undefined;
}

async function journalsAt(
  destination: Store,
  { name, besideArchive }: Candidate,
  signal: AbortSignal,
): Promise<FoundJournal[]> {
  const own = await findJournals(destination, sessionFolder(name), signal, session => {
    const place = placeOf(session);
    return place.isClaimed && place.root === '' && isSessionOf(place.name, name);
  });
  if (besideArchive === undefined) return own;
  const isOlder = (session: string) => session === besideArchive;
  return [...own, ...(await findJournals(destination, `${besideArchive}/`, signal, isOlder))];
}

/** Every folder above the session's name, the nearest first. */
function candidatesOf(place: DestinationUrl): Candidate[] {
  const parts = (place.kind === 's3' ? place.prefix : place.path).split('/');
  if (parts.at(-2) === SESSIONS_FOLDER) parts.splice(-2, 1);
  const name = parts.at(-1) ?? '';
  const oldLength = parts.at(-3) === 'turk' ? 3 : 1;
  return parts.slice(place.kind === 's3' ? 0 : 1).map((_, index) => {
    const length = index + 1;
    const root = parts.slice(0, -length).join('/');
    return {
      root: place.kind === 's3' ? { ...place, prefix: root } : { ...place, path: root || '/' },
      name,
      besideArchive: length === oldLength ? parts.slice(-length).join('/') : undefined,
    };
  });
}
