import type { Kysely, Transaction } from 'kysely';
import { nameOf } from '../session-id.ts';
import type { Tables } from './schema.ts';

const SESSION_DEEDS = ['launch', 'launch-failed', 'found', 'stop', 'recover'] as const;
const AUDITED = [...SESSION_DEEDS, 'stop-all', 'token-made', 'token-withdrawn'] as const;

/** Who did what, and when. */
export interface AuditEntry {
  readonly atMs: number;
  /** `visitor <hash>`, `admin at <network>`, `admin`, `api`, `rule`, or `manager`. */
  readonly who: string;
  readonly what: (typeof AUDITED)[number];
  /** The id of the session; the table names it, for an id is a secret. */
  readonly id?: string;
  /** Its name, where the id is not known. */
  readonly name?: string;
  readonly detail?: string | undefined;
}

/** Writes entries down together with what they tell of. */
export async function writeAudit(tx: Transaction<Tables>, ...entries: readonly AuditEntry[]): Promise<void> {
  const rows = entries.map(({ atMs, who, what, id, name, detail }) => {
    const session = name ?? (id === undefined ? undefined : nameOf(id));
    return { at_ms: atMs, who, what, session: session ?? null, detail: detail ?? null };
  });
  if (rows.length > 0) await tx.insertInto('audit').values(rows).execute();
}

/** What was done with one session, the oldest first. */
export async function auditOf(db: Kysely<Tables>, name: string): Promise<readonly AuditEntry[]> {
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .where('session', '=', name)
    .orderBy('at_ms')
    .orderBy('id')
    .limit(MAX_ENTRIES)
    .execute();
  return rows.flatMap(({ at_ms: atMs, who, what, detail }) => {
    // One of a later version is left out.
    const known = SESSION_DEEDS.find(each => each === what);
    return known === undefined ? [] : [{ atMs, who, what: known, name, detail: detail ?? undefined }];
  });
}

const MAX_ENTRIES = 200;
