import { setTimeout } from 'node:timers/promises';
import type { SessionSettings } from '../../config/servermgr-config.ts';
import { timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { Database } from '../database/database.ts';
import { type HistoryFilter, openHistoryTable } from '../database/history-table.ts';
import { type FleetRecord, presentState, recordOf } from '../database/records.ts';
import { takeRecovered } from '../database/recovered.ts';
import type { SessionRow } from '../database/schema.ts';
import { fillSummaries } from '../database/summaries.ts';
import { type Phase, type SessionView, viewOf } from '../fleet/view.ts';
import type { SavedSessions } from '../saved-sessions.ts';

/** A session of the history. */
export interface HistoryEntry {
  readonly record: FleetRecord;
  readonly view: SessionView;
}

/** All sessions that were ever requested, for operators. Each method throws an UnavailableError while the database is away. */
export interface History {
  /** Those that a filter lets through, the newest first, after the session of that name. */
  page(filter: HistoryFilter, size: number, before?: string): Promise<readonly HistoryEntry[]>;
  /** All of them, read bit by bit. */
  all(filter: HistoryFilter): AsyncGenerator<HistoryEntry>;
  find(name: string): Promise<HistoryEntry | undefined>;
  close(): Promise<void>;
}

export interface HistoryOptions {
  readonly database: Database;
  readonly savedSessions: SavedSessions;
  readonly settings: SessionSettings;
  readonly log: Log;
}

const STORE_TIMEOUT_MS = 20_000;
/** An older version may run beside this one for some minutes, and write rows without what the history needs. */
const FILL_INTERVAL_MS = 600_000;

export function openHistory({ database, savedSessions, settings, log }: HistoryOptions): History {
  const table = openHistoryTable(database);
  const closing = new AbortController();
  const filling = fillAgainAndAgain();

  /** A store that fails has told so itself: what it has is taken over the next time. */
  function readReport(name: string) {
    const signal = timeoutSignal(STORE_TIMEOUT_MS, closing.signal);
    return savedSessions.report(name, signal).catch(() => undefined);
  }

  async function fillAgainAndAgain(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        const rows = await fillSummaries(database, closing.signal);
        if (rows > 0) log.info({ event: 'history_filled', rows }, `history: ${rows} sessions were filled in`);
        await takeRecovered(database, readReport);
      } catch (error) {
        log.warn({ event: 'database_away', err: error }, 'the history could not be filled in');
      }
      // Rejects when it is closed.
      await setTimeout(FILL_INTERVAL_MS, undefined, { ref: false, signal: closing.signal }).catch(
        () => undefined,
      );
    }
  }

  function entryOf(row: SessionRow): HistoryEntry {
    const record = recordOf(row);
    const session = { ...record.session, state: presentState(record) };
    const view = viewOf({ ...record, session }, settings, Date.now());
    // The phase that was searched by is the one that is shown.
    return { record, view: { ...view, phase: (row.phase as Phase | null) ?? view.phase } };
  }

  return {
    page: async (filter, size, before) => (await table.page(filter, size, before)).map(entryOf),
    async *all(filter) {
      for await (const row of table.all(filter)) yield entryOf(row);
    },
    async find(name) {
      const row = await table.find(name);
      return row === undefined ? undefined : entryOf(row);
    },
    async close() {
      closing.abort();
      await filling;
    },
  };
}
