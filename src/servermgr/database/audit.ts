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

/** Writes entries down together with what they tell of. */
export async function writeAudit(tx: Transaction<Tables>, ...entries: readonly AuditEntry[]): Promise<void> {
  const rows = entries.map(({ atMs, who, what, id, name, detail }) => {
    const session = name ?? (id === undefined ? undefined : nameOf(id));
    return { at_ms: atMs, who, what, session: session ?? null, detail: detail ?? null };
  });
  if (rows.length > 0) await tx.insertInto('audit').values(rows).execute();
}
