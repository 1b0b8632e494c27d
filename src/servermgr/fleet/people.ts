import type { People } from '../../journal/format/people.ts';
import type { Log } from '../../runtime/log.ts';
import type { Session } from '../launchers/launcher.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import { nameOf } from '../session-id.ts';

/** A session tells of a change within five seconds. */
const READ_EVERY_MS = 5_000;

/** Who takes part in the sessions that run, as they tell it themselves. */
export interface ToldPeople {
  /** undefined: it does not tell, or has not been asked yet. */
  get(id: string): People | undefined;
  /** Reads what is due; a failure is logged once, and what was read before is forgotten. */
  readDue(sessions: readonly Session[], signal: AbortSignal): Promise<void>;
}

interface Told {
  readonly people: People | undefined;
  readonly readMs: number;
  readonly hasFailed: boolean;
}

export function createToldPeople(savedSessions: SavedSessions, log: Log): ToldPeople {
  let told = new Map<string, Told>();

  async function read({ id }: Session, signal: AbortSignal): Promise<[string, Told]> {
    const before = told.get(id);
    const readMs = Date.now();
    if (before !== undefined && readMs - before.readMs < READ_EVERY_MS) return [id, before];
    const session = nameOf(id) ?? id;
    try {
      return [id, { people: await savedSessions.people(session, signal), readMs, hasFailed: false }];
    } catch (error) {
      if (!before?.hasFailed)
        log.warn({ event: 'people_unreadable', err: error, session }, 'who takes part could not be read');
      return [id, { people: undefined, readMs, hasFailed: true }];
    }
  }

  return {
    get: id => told.get(id)?.people,
    async readDue(sessions, signal) {
      const running = sessions.filter(({ state }) => state.phase === 'running');
      told = new Map(await Promise.all(running.map(session => read(session, signal))));
    },
  };
}
