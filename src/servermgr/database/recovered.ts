import type { SavedReport } from '../../report/saved-report.ts';
import type { Database } from './database.ts';
import { openHistoryTable } from './history-table.ts';
import { recordOf, summaryColumns } from './records.ts';

/** A recovery has come to its end by then. */
const RECENT_MS = 2 * 86_400_000;
const MAX_NAMES = 100;

/**
 * Writes down the reports of sessions that were recovered when no list showed them any more: those that lists show are
 * looked at by the observer. Several instances may do it at once: they come to the same.
 * @returns how many there were
 */
export async function takeRecovered(
  database: Database,
  readReport: (name: string) => Promise<SavedReport | undefined>,
): Promise<number> {
  const { db } = database;
  const table = openHistoryTable(database);
  const asked = await db
    .selectFrom('audit')
    .select('session')
    .distinct()
    .where('what', '=', 'recover')
    .where('at_ms', '>', Date.now() - RECENT_MS)
    .limit(MAX_NAMES)
    .execute();
  let taken = 0;
  for (const { session: name } of asked) {
    const row = name === null ? undefined : await table.find(name);
    if (row === undefined || row.gone_ms === null) continue;
    const record = recordOf(row);
    if (record.report?.archive !== undefined) continue;
    const report = await readReport(name ?? '');
    if (report?.archive === undefined) continue;
    const { numUpdatedRows } = await db
      .updateTable('sessions')
      .set({ report: JSON.stringify(report), ...summaryColumns({ ...record, report }) })
      .where('id', '=', row.id)
      .where('changed_ms', '=', row.changed_ms)
      .executeTakeFirst();
    taken += Number(numUpdatedRows);
  }
  return taken;
}
