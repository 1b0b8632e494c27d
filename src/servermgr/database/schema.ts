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
  readonly studies: StudiesTable;
  readonly study_texts: StudyTextsTable;
  readonly participants: ParticipantsTable;
  readonly participations: ParticipationsTable;
  readonly webhook_endpoints: WebhookEndpointsTable;
  readonly webhook_events: WebhookEventsTable;
  readonly webhook_deliveries: WebhookDeliveriesTable;
  readonly notes: NotesTable;
  readonly api_tokens: ApiTokensTable;
}

/** A row a session, from the moment at which its place is taken: none is ever deleted. */
export interface SessionsTable {
  readonly id: string;
  readonly idempotency_key: string;
  readonly visitor_hash: string;
  /** A hash of the network that asked for it, as its secret keys it; null: it was asked for by somebody trusted. */
  readonly network_hash: string | null;
  readonly world: string;
  /** JSON: a SessionOrder; null: it was asked for with its world alone. */
  readonly ordered: string | null;
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
  /** What the history is searched by; null: a version without it wrote the row, and whoever has it fills it in. */
  readonly phase: string | null;
  /** The same; null: it has not ended, either. */
  readonly end_reason: string | null;
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

export interface StudiesTable {
  readonly number: Generated<number>;
  readonly name: string;
  /** JSON: a StudySettings. */
  readonly settings: string;
  /** The version of its texts that is read now. */
  readonly text_version: number;
  /** Signs its links: all links of before are withdrawn when it is raised. */
  readonly link_key: number;
  /** When it was closed by hand; null: it was not. */
  readonly closed_ms: number | null;
  readonly created_ms: number;
}

/** What participants have read, kept as it was: no version is ever changed. */
export interface StudyTextsTable {
  readonly study: number;
  readonly version: number;
  /** Markdown. */
  readonly consent: string;
  readonly instructions: string;
  readonly created_ms: number;
}

/** A person who has consented to one study. */
export interface ParticipantsTable {
  /** The pseudonym, the same in every table and export. */
  readonly id: string;
  readonly study: number;
  readonly source: string;
  /** A keyed hash of the platform's id, whose key is not in here; after the retention, random. */
  readonly person_key: string;
  /** The platform's id; null: the study keeps none, or not any more. */
  readonly person: string | null;
  readonly created_ms: number;
}

/** One try of a person to take part, or of somebody who has not consented and of whom nothing else is kept. */
export interface ParticipationsTable {
  readonly id: string;
  readonly study: number;
  /** null: somebody who has not consented, or was deleted. */
  readonly participant: string | null;
  readonly source: string;
  /** A keyed hash of the platform's id of this try: Prolific's submission, MTurk's assignment. */
  readonly submission_key: string | null;
  /** The same as it is; null: the study keeps none. */
  readonly submission: string | null;
  /** The platform's ids, encrypted by a key that is not in here, while it lasts: the platform is asked about it. */
  readonly sealed: string | null;
  /** For groups, which share a session: nothing is in there yet. */
  readonly group_id: string | null;
  /** `reserved`, `waiting`, `playing` or `over`. */
  readonly state: string;
  /** What the platform says of it: `confirmed`, `unchecked` or `unasked`. */
  readonly verified: string;
  /** When it was last asked. */
  readonly verified_ms: number | null;
  readonly text_version: number;
  readonly consent_ms: number | null;
  /** When its page was open last. */
  readonly seen_ms: number;
  /** Since when it waits for a place. */
  readonly queued_ms: number | null;
  /** How many launches have failed. */
  readonly launches: number;
  /** How many of its sessions never became ready, after which it waited for another one. */
  readonly unready_sessions: number;
  /** The id of its session. */
  readonly session: string | null;
  readonly outcome: string | null;
  readonly outcome_ms: number | null;
  /** The completion code that goes with the outcome. */
  readonly code: string | null;
  readonly created_ms: number;
}

/** Who is told what happens. */
export interface WebhookEndpointsTable {
  /** A hash of its URL, which may hold a secret. */
  readonly endpoint: string;
  /** A keyed hash of how it is set up: one that is disabled is enabled by another setting. */
  readonly settings: string;
  /** What was over before is not told. */
  readonly since_ms: number;
  /** When it has said that it wants no more; null: it has not. */
  readonly disabled_ms: number | null;
}

/** What happened, once each. */
export interface WebhookEventsTable {
  /** The same for the same event, whoever has seen it. */
  readonly id: string;
  readonly type: string;
  /** A session's name; null: it concerns none. */
  readonly session: string | null;
  /** JSON, as it is sent. */
  readonly body: string;
  readonly created_ms: number;
}

/** Which endpoint is told of an event, and what became of that. */
export interface WebhookDeliveriesTable {
  readonly event: string;
  readonly endpoint: string;
  /** The host of its URL. */
  readonly host: string;
  /** `pending`, `delivered` or `failed`. */
  readonly state: string;
  readonly attempts: number;
  readonly created_ms: number;
  /** When it is to be sent next; of one that is being sent, when it may be sent again unless it comes to an end. */
  readonly next_ms: number;
  /** What became of the last attempt; null: there was none. */
  readonly answer: string | null;
  /** When it was delivered, or given up; null: neither. */
  readonly done_ms: number | null;
}

/** What operators have written about sessions; none is ever changed. */
export interface NotesTable {
  readonly id: Generated<number>;
  readonly session_id: string;
  readonly at_ms: number;
  /** `admin at <network>`. */
  readonly who: string;
  readonly text: string;
  /** The same in lower case, for the search: SQLite folds ASCII alone. */
  readonly folded: string;
}

/** Those that were made on /admin/tokens; a row stays when its token is withdrawn. */
export interface ApiTokensTable {
  readonly id: Generated<number>;
  readonly name: string;
  /** By which people recognise it. */
  readonly prefix: string;
  /** SHA-256 of the token, in hex: with 256 random bits it needs no salt. */
  readonly hash: string;
  /** JSON: an array of scopes. */
  readonly scopes: string;
  readonly created_ms: number;
  /** `admin at <network>`. */
  readonly created_by: string;
  readonly last_used_ms: number | null;
  readonly withdrawn_ms: number | null;
}

export type SessionRow = Selectable<SessionsTable>;
export type NewSessionRow = Insertable<SessionsTable>;
