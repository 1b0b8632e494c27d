import type { Transaction } from 'kysely';
import { nameOf } from '../session-id.ts';
import type { Tables } from './schema.ts';

/** Who did what, and when. */
export interface AuditEntry {
  readonly atMs: number;
  /** `visitor <hash>`, `admin at <network>`, `admin`, `api`, `rule`, or `manager`. */
  readonly who: string;
  readonly what: 'launch' | 'launch-failed' | 'found' | 'stop' | 'recover';
  /** The id of the session; the table names it, for an id is a secret. */
  readonly id?: string;
  /** Its name, where the id is not known. */
  readonly name?: string;
  readonly detail?: string | undefined;
}

/** Writes an entry down together with what it tells of. */
export async function writeAudit(
  tx: Transaction<Tables>,
  { atMs, who, what, id, name, detail }: AuditEntry,
): Promise<void> {
  const session = name ?? (id === undefined ? undefined : nameOf(id));
  await tx
    .insertInto('audit')
    .values({ at_ms: atMs, who, what, session: session ?? null, detail: detail ?? null })
    .execute();
}
