import { setTimeout } from 'node:timers/promises';
import { timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import { errorText } from '../../runtime/text.ts';
import type { Launcher, Session } from '../launchers/launcher.ts';

/** The launcher's sessions, as far as it could be asked. */
export interface Listing {
  /** Those of its last answer. */
  sessions(): readonly Session[];
  /**
   * Asks it. What it does not answer soon is not waited for, and is there at one of the next calls.
   * @returns whether it has answered since the last call
   */
  refresh(): Promise<boolean>;
  /** What keeps it from answering; undefined: what it has said is new. */
  fault(): ListingFault | undefined;
}

export interface ListingFault {
  /** When it has answered last. */
  readonly sinceMs: number;
  readonly why: string;
}

const TIMEOUT_MS = 30_000;
/** How long a poll waits for an answer before it goes on to ask the servers. */
const PATIENCE_MS = 2_000;
/** An answer that is older than this is not new any more, and one that takes longer is late. */
const FRESH_MS = 10_000;

/** @param closing ends a request that is under way */
export function createListing(launcher: Pick<Launcher, 'list'>, log: Log, closing: AbortSignal): Listing {
  let listed: readonly Session[] = [];
  let answeredMs: number | undefined;
  let failure: string | undefined;
  let hasNews = false;
  let asking: Promise<void> | undefined;
  let askedMs = 0;

  async function ask(): Promise<void> {
    try {
      listed = await launcher.list(timeoutSignal(TIMEOUT_MS, closing));
      [answeredMs, failure, hasNews] = [Date.now(), undefined, true];
    } catch (error) {
      if (closing.aborted) return;
      failure = errorText(error);
      log.warn({ event: 'launcher_list_failed', err: error }, 'sessions could not be listed');
    }
  }

  /** Where nobody has asked for long, a slow answer is waited for: launches count by it. */
  function patienceMs(lastMs: number): number {
    const isOld = failure === undefined && askedMs - lastMs > FRESH_MS;
    return isOld ? Math.max(PATIENCE_MS, askedMs + FRESH_MS - Date.now()) : PATIENCE_MS;
  }

  return {
    sessions: () => listed,
    async refresh() {
      if (asking === undefined) {
        askedMs = Date.now();
        asking = ask().finally(() => {
          asking = undefined;
        });
      }
      // Before its first answer nothing is known that could be shown.
      if (answeredMs === undefined) await asking;
      else await Promise.race([asking, setTimeout(patienceMs(answeredMs), undefined, { ref: false })]);
      const isNew = hasNews;
      hasNews = false;
      return isNew;
    },
    fault() {
      const sinceMs = answeredMs ?? 0;
      if (failure !== undefined) return { sinceMs, why: failure };
      const isLate = asking !== undefined && Date.now() - askedMs > FRESH_MS;
      return isLate ? { sinceMs, why: 'it does not answer' } : undefined;
    },
  };
}
