import { type Database, databaseNow } from './database.ts';
import { type FleetRecord, recordOf } from './records.ts';

/** What is to be told, written down before it is sent: whoever is killed in between loses none of it. */
export interface WebhookOutbox {
  /**
   * Writes down who is told, and forgets all others. One that is set up otherwise than before is enabled again, and is
   * told what happens from now on.
   */
  register(endpoints: readonly EndpointSetting[]): Promise<void>;
  /** Those that are told, with the moment since when. One that another instance has forgotten is there at the next call. */
  enabled(endpoints: readonly EndpointSetting[]): Promise<ReadonlyMap<string, number>>;
  /**
   * The sessions of which something may have to be told: those that have changed since, by the database's clock, or have
   * ended a moment ago; undefined: all that run, and those that ended in the last days.
   */
  sessions(sinceMs: number | undefined): Promise<{ records: readonly FleetRecord[]; nowMs: number }>;
  /** Writes down what happened and who is told of it; what is there already stays as it is. */
  add(entries: readonly OutboxEntry[]): Promise<void>;
}

export interface EndpointSetting {
  readonly key: string;
  readonly settings: string;
}

export interface OutboxEntry {
  readonly id: string;
  readonly type: string;
  readonly session: string | undefined;
  readonly body: string;
  readonly endpoints: readonly { readonly key: string; readonly host: string }[];
}

/** A transaction is over in that time: what it has written shows up so much later than it says. */
const OVERLAP_MS = 15_000;
/** Of one that has just ended it is told how when its report is there, or has not come for a while. */
const ENDED_MS = 300_000;
/**
 * So long after its end a session is told of, by whoever begins to observe. What was told of it has to be known still:
 * a session lasts 24 days at most, and deliveries are kept for 30.
 */
const WINDOW_MS = 3 * 86_400_000;
/** So many rows are written at once: launches wait for them. */
const BATCH = 100;

export function openWebhookOutbox({ db, kind, transaction }: Database): WebhookOutbox {
  const now = databaseNow(kind);

  return {
    async register(endpoints) {
      await transaction(async tx => {
        const keys = endpoints.map(({ key }) => key);
        const forgotten = tx.deleteFrom('webhook_endpoints');
        await (keys.length === 0 ? forgotten : forgotten.where('endpoint', 'not in', keys)).execute();
        for (const { key, settings } of endpoints) {
          await tx
            .updateTable('webhook_endpoints')
            .set({ since_ms: now, disabled_ms: null })
            .where('endpoint', '=', key)
            .where('settings', '!=', settings)
            .where('disabled_ms', 'is not', null)
            .execute();
          await tx
            .insertInto('webhook_endpoints')
            .values({ endpoint: key, settings, since_ms: now, disabled_ms: null })
            .onConflict(conflict => conflict.column('endpoint').doUpdateSet({ settings }))
            .execute();
        }
      });
    },

    async enabled(endpoints) {
      const rows = await db.selectFrom('webhook_endpoints').selectAll().execute();
      const missing = endpoints.filter(({ key }) => !rows.some(({ endpoint }) => endpoint === key));
      for (const { key, settings } of missing) {
        await db
          .insertInto('webhook_endpoints')
          .values({ endpoint: key, settings, since_ms: now, disabled_ms: null })
          .onConflict(conflict => conflict.doNothing())
          .execute();
      }
      const keys = new Set(endpoints.map(({ key }) => key));
      const enabled = rows.filter(row => row.disabled_ms === null && keys.has(row.endpoint));
      return new Map(enabled.map(row => [row.endpoint, row.since_ms]));
    },

    async sessions(sinceMs) {
      // Before the rows: what is written between the two is read again.
      const { now_ms: nowMs } = await db.selectNoFrom(now.as('now_ms')).executeTakeFirstOrThrow();
      const rows = await db
        .selectFrom('sessions')
        .selectAll()
        .where(({ or, eb }) =>
          sinceMs === undefined
            ? or([eb('over_ms', 'is', null), eb('over_ms', '>', nowMs - WINDOW_MS)])
            : or([eb('changed_ms', '>', sinceMs - OVERLAP_MS), eb('over_ms', '>', nowMs - ENDED_MS)]),
        )
        .execute();
      return { records: rows.map(recordOf), nowMs };
    },

    async add(entries) {
      for (let start = 0; start < entries.length; start += BATCH) {
        const batch = entries.slice(start, start + BATCH);
        await transaction(async tx => {
          await tx
            .insertInto('webhook_events')
            .values(
              batch.map(({ id, type, session, body }) => ({
                id,
                type,
                session: session ?? null,
                body,
                created_ms: now,
              })),
            )
            .onConflict(conflict => conflict.doNothing())
            .execute();
          await tx
            .insertInto('webhook_deliveries')
            .values(
              batch.flatMap(({ id, endpoints }) =>
                endpoints.map(({ key, host }) => ({
                  ...{ event: id, endpoint: key, host, state: 'pending', attempts: 0 },
                  ...{ created_ms: now, next_ms: now, answer: null, done_ms: null },
                })),
              ),
            )
            .onConflict(conflict => conflict.doNothing())
            .execute();
        });
      }
    },
  };
}
