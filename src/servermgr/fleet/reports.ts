import { isFinal, type SavedReport } from '../../report/saved-report.ts';
import type { Log } from '../../runtime/log.ts';
import { isAlive, type Session } from '../launchers/launcher.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import { nameOf } from '../session-id.ts';

/** A supervisor writes its report before it exits: it is there at once, unless the store fails for a moment. */
const QUICK_ATTEMPTS = 5;
/**
 * Afterwards: a session without a final report may be recovered at any time, and one that has ended be started again
 * under its name. How often the destination itself is asked for a final report is decided in saved-sessions.ts.
 */
const RETRY_MS = 15_000;

/** The reports of ended sessions, which are read again: soon where one is missing or not final. */
export interface Reports {
  get(id: string): SavedReport | undefined;
  /** Reads the reports that are due; logs a failure, and repeats it at a later call. @returns whose were due */
  readDue(sessions: readonly Session[], signal: AbortSignal): Promise<readonly string[]>;
  /** Drops the reports of all other sessions. */
  retain(ids: ReadonlySet<string>): void;
}

interface ReadReport {
  readonly report: SavedReport | undefined;
  readonly attempts: number;
  readonly attemptedMs: number;
}

const NEVER_READ: ReadReport = { report: undefined, attempts: 0, attemptedMs: 0 };

export function createReports(savedSessions: SavedSessions, log: Log): Reports {
  const reports = new Map<string, ReadReport>();

  async function read({ id }: Session, signal: AbortSignal): Promise<void> {
    const before = reports.get(id) ?? NEVER_READ;
    const name = nameOf(id) ?? id;
    const report = await savedSessions.report(name, signal).catch((error: unknown) => {
      log.warn({ event: 'report_unreadable', err: error, session: name }, 'report could not be read');
      return before.report;
    });
    reports.set(id, { report, attempts: before.attempts + 1, attemptedMs: Date.now() });
  }

  return {
    get: id => reports.get(id)?.report,
    async readDue(sessions, signal) {
      const due = sessions.filter(
        session => !isAlive(session) && isDue(reports.get(session.id) ?? NEVER_READ),
      );
      await Promise.all(due.map(session => read(session, signal)));
      return due.map(({ id }) => id);
    },
    retain(ids) {
      for (const id of reports.keys()) if (!ids.has(id)) reports.delete(id);
    },
  };
}

function isDue({ report, attempts, attemptedMs }: ReadReport): boolean {
  const isSettled = report !== undefined && isFinal(report);
  return (!isSettled && attempts < QUICK_ATTEMPTS) || Date.now() - attemptedMs > RETRY_MS;
}
