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
 * their destination or of an archive's own folder. Which part of it is the destination is found out by looking.
 * @throws when the nearest folder that may be the destination cannot be read
 */
export async function findNamedSessions(
  { save }: SessionConfig,
  { signal, ...options }: FindOptions,
): Promise<NamedSessions> {
  let nearest: Store | undefined;
  let fault: unknown;
  for (const candidate of candidatesOf(save.destination)) {
    const destination = await openStore(candidate.root, { s3: save.s3, ...options });
    nearest ??= destination;
    try {
      const journals = await journalsAt(destination, candidate, signal);
      if (journals.length > 0) {
        if (destination !== nearest) nearest.close();
        return { destination, journals };
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
  return { destination: nearest, journals: [] };
}

interface Candidate {
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
