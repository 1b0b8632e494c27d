import { isReportName } from '../../report/session-folder.ts';
import { timeoutSignal, within } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { StoredObject } from '../../store/store.ts';
import { isSessionName } from '../session-id.ts';
import type { Listing } from './listing.ts';

/** What a session of an experiment has left beside its archive. */
export interface ExperimentSession {
  /** Its key's folder, `turk/<experiment>/<name>`. */
  readonly folder: string;
  readonly reports: readonly StoredObject[];
  readonly hasJournal: boolean;
}

/** The sessions of experiments by earlier versions. Where one lies cannot be told from its name. */
export interface Experiments {
  find(name: string, signal: AbortSignal): Promise<ExperimentSession | undefined>;
  /** The names of all of them. */
  names(signal: AbortSignal): Promise<readonly string[]>;
  close(): void;
}

const FOLDER = 'turk/';
/** How long one listing serves: what it finds becomes no more, but for sessions of an image that was never renewed. */
const MAX_AGE_MS = 300_000;
const RETRY_MS = 30_000;
const TIMEOUT_MS = 60_000;
/** How long a page waits for it; then it shows what is known. */
const WAIT_MS = 3_000;
/** Archives of all experiments lie there, also those of later versions: a hundred requests to S3. */
const MAX_LISTED = 100_000;

export function createExperiments(listing: Listing, log: Log): Experiments {
  const closing = new AbortController();
  let sessions: ReadonlyMap<string, ExperimentSession> = new Map();
  let dueMs = Number.NEGATIVE_INFINITY;
  let refreshing: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    try {
      sessions = await listSessions(listing, timeoutSignal(TIMEOUT_MS, closing.signal));
      dueMs = Date.now() + MAX_AGE_MS;
    } catch (error) {
      if (closing.signal.aborted) return;
      log.warn({ event: 'destination_list_failed', err: error }, 'experiments could not be listed');
      dueMs = Date.now() + RETRY_MS;
    }
  }

  async function current(signal: AbortSignal) {
    if (Date.now() >= dueMs) {
      refreshing ??= refresh().finally(() => {
        refreshing = undefined;
      });
      await within(WAIT_MS, refreshing, signal);
      signal.throwIfAborted();
    }
    return sessions;
  }

  return {
    find: async (name, signal) => (await current(signal)).get(name),
    names: async signal => [...(await current(signal)).keys()],
    close: () => closing.abort(new Error('the destination was closed')),
  };
}

async function listSessions(listing: Listing, signal: AbortSignal): Promise<Map<string, ExperimentSession>> {
  const sessions = new Map<string, ExperimentSession>();
  let listed = 0;
  for await (const object of listing.listIfAllowed(FOLDER, signal)) {
    const [turk, experiment, name = '', ...inside] = object.key.split('/');
    const isReport = isReportName(inside.join('/'));
    const isJournal = isEarlierJournal(inside.join('/'));
    if (isSessionName(name) && (isReport || isJournal)) {
      const known = sessions.get(name);
      sessions.set(name, {
        folder: `${turk}/${experiment}/${name}`,
        reports: [...(known?.reports ?? []), ...(isReport ? [object] : [])],
        hasJournal: isJournal || known?.hasJournal === true,
      });
    }
    listed += 1;
    if (listed >= MAX_LISTED) break;
  }
  return sessions;
}

/** @param inside the key below the folder of the archive */
export function isEarlierJournal(inside: string): boolean {
  return /^journal(?:\.\d+)?\//.test(inside);
}
