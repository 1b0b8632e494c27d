import { sql, type Transaction } from 'kysely';
import type { StopReason } from '../launchers/launcher.ts';
import { type AuditEntry, writeAudit } from './audit.ts';
import { type Database, databaseNow } from './database.ts';
import { type FleetRecord, observedColumns, recordOf, rowOf, summaryColumns } from './records.ts';
import type { SessionRow, Tables } from './schema.ts';

/** The sessions' table. Every call is one transaction or statement, and throws when the database cannot be asked. */
export interface FleetTable {
  /** Those that have changed since, by the database's clock; undefined: all that pages show. */
  changedSince(ms: number | undefined): Promise<readonly SessionRow[]>;
  /** So many of which something is known, the newest, whether or not pages show them. */
  latest(count: number): Promise<readonly SessionRow[]>;
  /** Writes down sessions that were found, those that are not known by now. */
  add(records: readonly FleetRecord[], audit: Omit<AuditEntry, 'id' | 'name'>): Promise<void>;
  /** Writes down what was observed, if that instance holds the lease. @returns whether it does */
  saveObserved(records: readonly FleetRecord[], isHolder: IsHolder): Promise<boolean>;
  /** Writes down that a session is to be stopped, unless it is known. */
  requestStop(id: string, stop: StopRequest): Promise<void>;
  /** The launcher has confirmed a launch. */
  confirm(record: FleetRecord): Promise<void>;
  /** One more try of a launch, by one instance alone. @returns whether it is this one */
  claimLaunch(record: FleetRecord, nowMs: number): Promise<boolean>;
  /** A try of a launch is under way still. */
  keepTrying(record: FleetRecord, nowMs: number): Promise<void>;
  /** The next attempt of a launch, with its number, by one instance alone. @returns whether it is this one */
  claimRelaunch(next: FleetRecord): Promise<boolean>;
  /** A launch has failed that its visitor was told is on its way: its page says so. */
  fail(record: FleetRecord): Promise<void>;
  /** A launch has failed for certain: its place is free, and lists do not show it. */
  giveUp(record: FleetRecord, audit: AuditEntry): Promise<void>;
  /** One session, also one that lists do not show any more; undefined: none has that id. */
  find(id: string): Promise<FleetRecord | undefined>;
}

/** Why a session is to be stopped, since when, and who has asked for it. */
export interface StopRequest {
  readonly why: StopReason;
  readonly atMs: number;
  readonly who: string;
}

export type IsHolder = (tx: Transaction<Tables>) => Promise<boolean>;

/** As `summaryColumns` has it: one that has ended stays so. */
const PHASE_WHEN_STOPPED = sql<string>`case when phase in ('starting', 'ready') then 'ending' else phase end`;

/** So many rows are written at once: launches wait for them. */
const BATCH = 100;

export function openFleetTable({ db, kind, transaction }: Database): FleetTable {
  const changed = { changed_ms: databaseNow(kind) };

  return {
    async changedSince(ms) {
      const all = db.selectFrom('sessions').selectAll();
      return (
        ms === undefined ? all.where('gone_ms', 'is', null) : all.where('changed_ms', '>', ms)
      ).execute();
    },

    latest: count =>
      db
        .selectFrom('sessions')
        .selectAll()
        .where('observation', 'is not', null)
        .orderBy('requested_ms', 'desc')
        .limit(count)
        .execute(),

    async add(records, audit) {
      for (let start = 0; start < records.length; start += BATCH) {
        const rows = records.slice(start, start + BATCH).map(record => ({ ...rowOf(record), ...changed }));
        await transaction(async tx => {
          const added = await tx
            .insertInto('sessions')
            .values(rows)
            .onConflict(conflict => conflict.doNothing())
            .returning('id')
            .execute();
          await writeAudit(tx, ...added.map(({ id }) => ({ ...audit, id })));
        });
      }
    },

    async saveObserved(records, isHolder) {
      for (let start = 0; start < records.length; start += BATCH) {
        const saved = await transaction(async tx => {
          if (!(await isHolder(tx))) return false;
          for (const record of records.slice(start, start + BATCH)) {
            await tx
              .updateTable('sessions')
              .set({ ...observedColumns(record), ...changed })
              .where('id', '=', record.session.id)
              .execute();
          }
          return true;
        });
        if (!saved) return false;
      }
      return true;
    },

    async requestStop(id, { why, atMs, who }) {
      await transaction(async tx => {
        const { numUpdatedRows } = await tx
          .updateTable('sessions')
          .set({ stop_reason: why, stop_ms: atMs, phase: PHASE_WHEN_STOPPED, ...changed })
          .where('id', '=', id)
          .where('stop_reason', 'is', null)
          // It may have ended since, before that could be written down.
          .where(({ or, eb }) => or([eb('over_ms', 'is', null), eb('over_ms', '>', atMs)]))
          .executeTakeFirst();
        if (numUpdatedRows > 0) await writeAudit(tx, { atMs, who, what: 'stop', id, detail: why });
      });
    },

    async confirm({ session, confirmedMs }) {
      await db
        .updateTable('sessions')
        .set({
          place: session.where,
          cost_per_hour: session.costPerHour ?? null,
          confirmed_ms: confirmedMs ?? null,
          ...changed,
        })
        .where('id', '=', session.id)
        .where('confirmed_ms', 'is', null)
        .execute();
    },

    async claimLaunch({ session: { id }, launchTriedMs }, nowMs) {
      const { numUpdatedRows } = await db
        .updateTable('sessions')
        .set({ launch_tried_ms: nowMs, ...changed })
        .where('id', '=', id)
        .where('launch_tried_ms', '=', launchTriedMs)
        .where('confirmed_ms', 'is', null)
        .where('stop_reason', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0;
    },

    async keepTrying({ session: { id, attempt } }, nowMs) {
      await db
        .updateTable('sessions')
        .set({ launch_tried_ms: nowMs, ...changed })
        .where('id', '=', id)
        .where('attempt', '=', attempt)
        .where('confirmed_ms', 'is', null)
        .execute();
    },

    async claimRelaunch(next) {
      const { numUpdatedRows } = await db
        .updateTable('sessions')
        .set({ ...observedColumns(next), launch_tried_ms: next.launchTriedMs, ...changed })
        .where('id', '=', next.session.id)
        .where('attempt', '=', next.session.attempt - 1)
        .where('stop_reason', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0;
    },

    async fail(record) {
      const { id, attempt, state } = record.session;
      await db
        .updateTable('sessions')
        .set({
          ...{ state: JSON.stringify(state), over_ms: record.overMs ?? null },
          ...{ ...summaryColumns(record), ...changed },
        })
        .where('id', '=', id)
        .where('attempt', '=', attempt)
        .where('confirmed_ms', 'is', null)
        .execute();
    },

    async giveUp(record, audit) {
      const { id, idempotencyKey, state } = record.session;
      await transaction(async tx => {
        const { atMs } = audit;
        await tx
          .updateTable('sessions')
          // The same press may be tried again.
          .set({
            idempotency_key: `${idempotencyKey} of ${id}`,
            state: JSON.stringify(state),
            ...{ ...summaryColumns({ ...record, overMs: atMs }), over_ms: atMs, gone_ms: atMs, ...changed },
          })
          .where('id', '=', id)
          .where('confirmed_ms', 'is', null)
          .execute();
        await writeAudit(tx, audit);
      });
    },

    async find(id) {
      const row = await db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? undefined : recordOf(row);
    },
  };
}
