import type { Database } from './database.ts';
import { orUnavailable } from './unavailable.ts';

/** What somebody has written about a session. */
export interface Note {
  readonly atMs: number;
  /** `admin at <network>`. */
  readonly who: string;
  readonly text: string;
}

/** Notes are only ever added. */
export interface NotesTable {
  /** @throws {UnavailableError} when the database cannot be asked; of the other method as well */
  add(sessionId: string, note: Note): Promise<void>;
  /** Those on one session, the oldest first. */
  of(sessionId: string): Promise<readonly Note[]>;
}

/** Of one session, on its page. */
const MAX_SHOWN = 500;

export function openNotesTable({ db }: Database): NotesTable {
  return {
    async add(sessionId, { atMs, who, text }) {
      const row = { session_id: sessionId, at_ms: atMs, who, text, folded: text.toLowerCase() };
      await orUnavailable(db.insertInto('notes').values(row).execute());
    },
    async of(sessionId) {
      const rows = await orUnavailable(
        db
          .selectFrom('notes')
          .select(['at_ms', 'who', 'text'])
          .where('session_id', '=', sessionId)
          .orderBy('id')
          .limit(MAX_SHOWN)
          .execute(),
      );
      return rows.map(({ at_ms: atMs, who, text }) => ({ atMs, who, text }));
    },
  };
}
