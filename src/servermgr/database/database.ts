import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { DatabaseSettings } from '../../config/servermgr-config.ts';
import type { Tables } from './schema.ts';

export type DatabaseKind = DatabaseSettings['kind'];

/** The fleet's tables, in a file of this machine or in a Postgres. */
export interface Database {
  readonly kind: DatabaseKind;
  readonly db: Kysely<Tables>;
  /** Runs work in a transaction; one that writes what it has read is never undone by another one. */
  transaction<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * The database's clock, in milliseconds since the epoch: instances' own clocks differ.
 * @param plusMs so much later, or earlier
 */
export function databaseNow(kind: DatabaseKind, plusMs = 0) {
  return kind === 'sqlite'
    ? sql<number>`(cast(unixepoch('subsec') * 1000 as integer) + ${plusMs})`
    : sql<number>`(cast(extract(epoch from clock_timestamp()) * 1000 as bigint) + ${plusMs}::bigint)`;
}
