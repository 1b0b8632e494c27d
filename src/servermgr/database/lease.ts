import type { Transaction } from 'kysely';
import { type Database, databaseNow } from './database.ts';
import type { Tables } from './schema.ts';

/** What the instance that observes has last said of its launcher. */
export interface ObserverStatus {
  /** When the launcher has listed the sessions last; undefined: it never has. */
  readonly listedMs: number | undefined;
  /** Why it does not. */
  readonly fault: string | undefined;
  /** Until when the lease lasts, in milliseconds from now on; negative: nobody observes. */
  readonly leftMs: number;
  /** Now, by the database's clock. */
  readonly nowMs: number;
}

/** How often a lease is renewed: one that could not be for a while is lost. */
export const RENEW_MS = 1_000;

/**
 * The lease of the one instance that observes the sessions. It is judged by the database's clock, and taken over when
 * it was not renewed: a lock of a connection would outlive a host that is lost.
 */
export interface Lease {
  /** Whether this instance had it when the database answered last: while nobody can ask, it goes on to observe. */
  isHeld(): boolean;
  /** Takes or renews it, if nobody else has it. @throws when the database cannot be asked */
  renew(): Promise<boolean>;
  /** Whether it has it still, for work that only its holder may write down. */
  check(tx: Transaction<Tables>): Promise<boolean>;
  /** Writes down what the launcher has said. */
  report(status: Pick<ObserverStatus, 'listedMs' | 'fault'>): Promise<void>;
  status(): Promise<ObserverStatus | undefined>;
  /** Leaves it to others at once. */
  release(): Promise<void>;
}

const NAME = 'sessions';
const LEASE_MS = 5_000;
/** A file is one manager's alone: its lease needs no renewal. */
const FOREVER_MS = 1e13;

/** @param holder this instance */
export function createLease({ db, kind }: Database, holder: string): Lease {
  const now = databaseNow(kind);
  const leaseMs = kind === 'sqlite' ? FOREVER_MS : LEASE_MS;
  let held = false;

  return {
    isHeld: () => held,

    async renew() {
      const until = databaseNow(kind, leaseMs);
      const row = await db
        .insertInto('observer')
        .values({ name: NAME, holder, until_ms: until, listed_ms: null, fault: null })
        .onConflict(conflict =>
          conflict
            .column('name')
            .doUpdateSet({ holder, until_ms: until })
            .where(({ or, eb }) =>
              or([
                eb('observer.holder', '=', holder),
                eb('observer.until_ms', '<', now),
                eb.lit(kind === 'sqlite'),
              ]),
            ),
        )
        .returning('holder')
        .executeTakeFirst();
      held = row !== undefined;
      return held;
    },

    async check(tx) {
      const row = await tx
        .selectFrom('observer')
        .select('holder')
        .where('name', '=', NAME)
        .where('until_ms', '>', now)
        .executeTakeFirst();
      return row?.holder === holder;
    },

    async report({ listedMs, fault }) {
      await db
        .updateTable('observer')
        .set({ listed_ms: listedMs ?? null, fault: fault ?? null })
        .where('holder', '=', holder)
        .execute();
    },

    async status() {
      const row = await db
        .selectFrom('observer')
        .select(['listed_ms', 'fault', 'until_ms', now.as('now_ms')])
        .where('name', '=', NAME)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const { listed_ms: listedMs, fault, until_ms: untilMs, now_ms: nowMs } = row;
      return { listedMs: listedMs ?? undefined, fault: fault ?? undefined, leftMs: untilMs - nowMs, nowMs };
    },

    async release() {
      held = false;
      await db.updateTable('observer').set({ until_ms: 0 }).where('holder', '=', holder).execute();
    },
  };
}
