import type { Generated, Insertable, Selectable } from 'kysely';

/*
 * The tables, with columns that SQLite and Postgres both have: times are milliseconds since the epoch, and what only
 * this program reads is JSON as text.
 */

export interface Tables {
  readonly sessions: SessionsTable;
  readonly instances: InstancesTable;
  readonly observer: ObserverTable;
  readonly audit: AuditTable;
}

/** A row a session, from the moment at which its place is taken: none is ever deleted. */
export interface SessionsTable {
  readonly id: string;
  readonly idempotency_key: string;
  readonly visitor_hash: string;
  /** A hash of the network that asked for it, as its secret keys it; null: it was asked for by somebody trusted. */
  readonly network_hash: string | null;
  readonly world: string;
  readonly attempt: number;
  readonly requested_ms: number;
  /** When the launcher was asked last to launch it. */
  readonly launch_tried_ms: number;
  /** When the launcher has confirmed that; null: it is not known whether it runs. */
  readonly confirmed_ms: number | null;
  /** What it runs as; empty: that is not known. */
  readonly place: string;
  readonly cost_per_hour: number | null;
  /** JSON: a SessionState. */
  readonly state: string;
  /** JSON: an Observation; null: nobody has looked at it yet. */
  readonly observation: string | null;
  /** JSON: a SavedReport. */
  readonly report: string | null;
  readonly stop_reason: string | null;
  readonly stop_ms: number | null;
  /** When it has ended, as far as an instance has seen; null: it has its place still. */
  readonly over_ms: number | null;
  /** When the launcher had nothing of it any more; null: pages show it. */
  readonly gone_ms: number | null;
  /** By the database's clock: instances read what has changed. */
  readonly changed_ms: number;
}

/** The instances that run, and what their visitors wait for. */
export interface InstancesTable {
  readonly id: string;
  readonly seen_ms: number;
  /** JSON: the ids of sessions. */
  readonly watching: string;
}

/** One row: the lease of the one instance that asks the launcher and the servers, and what the launcher has said to it. */
export interface ObserverTable {
  readonly name: string;
  readonly holder: string;
  readonly until_ms: number;
  /** When the launcher has listed the sessions last; null: it never has. */
  readonly listed_ms: number | null;
  /** Why it does not; null: it does. */
  readonly fault: string | null;
}

/** Who did what, and when. */
export interface AuditTable {
  readonly id: Generated<number>;
  readonly at_ms: number;
  /** `visitor <hash>`, `admin at <network>`, `admin`, `api`, `rule`, or `manager`. */
  readonly who: string;
  readonly what: string;
  /** A session's name; null: it concerned none. */
  readonly session: string | null;
  readonly detail: string | null;
}

export type SessionRow = Selectable<SessionsTable>;
export type NewSessionRow = Insertable<SessionsTable>;
