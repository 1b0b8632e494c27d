import type { Store } from '../../store/store.ts';
import { type AuditEntry, auditOf } from '../database/audit.ts';
import { type NotesTable, openNotesTable } from '../database/notes-table.ts';
import { openTokensTable, type TokensTable } from '../database/tokens-table.ts';
import { orUnavailable } from '../database/unavailable.ts';
import { type History, type HistoryOptions, openHistory } from './history.ts';
import { type LiveLogs, openLiveLogs } from './live-logs.ts';
import { type JournalStanding, readStanding } from './recovery.ts';

/** What the people who run the study look up and write down, besides the fleet itself. */
export interface Operators {
  readonly history: History;
  readonly notes: NotesTable;
  readonly tokens: TokensTable;
  readonly liveLogs: LiveLogs;
  /** What was done with a session, and by whom. @throws {UnavailableError} when the database cannot be asked */
  audit(name: string): Promise<readonly AuditEntry[]>;
  /** Its journal at the destination, and how far its recovery is; undefined: there is none. */
  standing(name: string, signal: AbortSignal): Promise<JournalStanding | undefined>;
  close(): Promise<void>;
}

export function openOperators({
  database,
  destination,
  savedSessions,
  settings,
  log,
}: HistoryOptions & { readonly destination: Store }): Operators {
  const history = openHistory({ database, savedSessions, settings, log });
  const liveLogs = openLiveLogs(destination, log);
  return {
    ...{ history, liveLogs },
    notes: openNotesTable(database),
    tokens: openTokensTable(database),
    audit: name => orUnavailable(auditOf(database.db, name)),
    standing: (name, signal) => readStanding(destination, name, signal),
    async close() {
      liveLogs.close();
      await history.close();
    },
  };
}
