import type { People } from '../../journal/format/people.ts';
import type { Log } from '../../runtime/log.ts';
import type { Session } from '../launchers/launcher.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import { nameOf } from '../session-id.ts';

/** A session tells of a change within five seconds. */
const READ_EVERY_MS = 5_000;
/** How often a session is asked that nobody looks at: each answer costs money. */
const IDLE_MS = 60_000;
/** A large fleet is asked so much more seldom for each of its sessions: 20 a second at most. */
const SPREAD_MS = 50;
/** When somebody has come or gone, the session tells of it by then. */
const NEWS_MS = 15_000;
/** So many answers are read at once, so that those of a round are spread over it; more until all are known. */
const AT_ONCE = 20;
const FIRST_AT_ONCE = 50;

/** Who takes part in the sessions that run, as they tell it themselves. */
export interface ToldPeople {
  /** undefined: it does not tell, or has not been asked yet. */
  get(id: string): People | undefined;
  /** The server shows so many players. What it told before is old when there are others than before. */
  noteOnline(id: string, online: number | undefined): void;
  /**
   * Reads what is due; a failure is logged once, and what was read before is forgotten.
   * @returns the ids of those that were read
   */
  readDue(sessions: readonly Session[], options: ReadOptions): Promise<readonly string[]>;
}

interface ReadOptions {
  readonly signal: AbortSignal;
  /** Whether somebody looks at it. */
  readonly isLookedAt: (id: string) => boolean;
}

interface Told {
  readonly people: People | undefined;
  readonly readMs: number;
  readonly hasFailed: boolean;
}

export function createToldPeople(savedSessions: SavedSessions, log: Log): ToldPeople {
  const told = new Map<string, Told>();
  /** By id: how many players the server shows, and since when. */
  const online = new Map<string, { readonly count: number | undefined; readonly sinceMs: number }>();

  async function read(id: string, signal: AbortSignal): Promise<string> {
    const readMs = Date.now();
    const session = nameOf(id) ?? id;
    try {
      told.set(id, { people: await savedSessions.people(session, signal), readMs, hasFailed: false });
    } catch (error) {
      if (!told.get(id)?.hasFailed)
        log.warn({ event: 'people_unreadable', err: error, session }, 'who takes part could not be read');
      told.set(id, { people: undefined, readMs, hasFailed: true });
    }
    return id;
  }

  return {
    get: id => told.get(id)?.people,

    noteOnline(id, count) {
      const known = online.get(id);
      if (known?.count === count) return;
      // What it shows first is no change.
      online.set(id, { count, sinceMs: known === undefined ? Number.NEGATIVE_INFINITY : Date.now() });
    },

    async readDue(sessions, { signal, isLookedAt }) {
      const nowMs = Date.now();
      const running = sessions.filter(({ state }) => state.phase === 'running').map(({ id }) => id);
      const spreadMs = running.length * SPREAD_MS;
      const everyMs = (id: string) => {
        const changedMs = online.get(id)?.sinceMs ?? Number.NEGATIVE_INFINITY;
        if (nowMs - changedMs < NEWS_MS) return READ_EVERY_MS;
        return Math.max(isLookedAt(id) ? READ_EVERY_MS : IDLE_MS, spreadMs);
      };
      const due = running
        .map(id => ({ id, lateness: (nowMs - (told.get(id)?.readMs ?? 0)) / everyMs(id) }))
        .filter(({ lateness }) => lateness >= 1)
        .sort((a, b) => b.lateness - a.lateness)
        .slice(0, running.every(id => told.has(id)) ? AT_ONCE : FIRST_AT_ONCE);
      const ids = new Set(running);
      for (const kept of [told, online]) for (const id of kept.keys()) if (!ids.has(id)) kept.delete(id);
      return Promise.all(due.map(({ id }) => read(id, signal)));
    },
  };
}
