import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { recordOf, summaryColumns } from './records.ts';

/** So many rows are read at once: pages wait for them. */
const BATCH = 100;
/** As the index has it that finds them. */
const UNFILLED = sql<boolean>`(phase is null or (over_ms is not null and phase in ('starting', 'ready', 'ending')))`;

/**
 * Fills in the columns that the history is searched by where a version without them has written a row, before this one
 * or beside it. Several instances may do it at once: they come to the same.
 * @returns how many rows were filled in
 */
export async function fillSummaries({ db }: Database, signal: AbortSignal): Promise<number> {
  let filled = 0;
  for (let after = ''; !signal.aborted; ) {
    const rows = await db
      .selectFrom('sessions')
      .selectAll()
      .where(UNFILLED)
      .where('id', '>', after)
      .orderBy('id')
      .limit(BATCH)
      .execute();
    for (const row of rows) {
      const { numUpdatedRows } = await db
        .updateTable('sessions')
        .set(summaryColumns(recordOf(row)))
        .where('id', '=', row.id)
        // What has changed meanwhile was written by whoever knows better.
        .where('changed_ms', '=', row.changed_ms)
        .executeTakeFirst();
      filled += Number(numUpdatedRows);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) break;
    after = last.id;
    await setImmediate();
  }
  return filled;
}
