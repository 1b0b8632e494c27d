import { sql, type Transaction } from 'kysely';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';
import { readReport } from './stored-json.ts';

/** The participants of a study who have not been there since. */
export async function lastSeenBefore(db: Database['db'], study: number, ms: number): Promise<string[]> {
  const rows = await db
    .selectFrom('participants')
    .innerJoin('participations', 'participations.participant', 'participants.id')
    .select('participants.id')
    .where('participants.study', '=', study)
    .where('participants.person_key', 'not like', `${FORGOTTEN}%`)
    .groupBy('participants.id')
    .having(({ fn }) => fn.max('participations.created_ms'), '<', ms)
    .having(({ fn }) => fn.max(sql<number>`case when state = 'over' then 0 else 1 end`), '=', 0)
    .execute();
  return rows.map(({ id }) => id);
}

/** Begins the key of somebody who is not known any more. */
const FORGOTTEN = 'forgotten ';

/** Keeps nothing of a participant that leads to a person; what they did stays, by the pseudonym. */
export async function forget(tx: Transaction<Tables>, participant: string): Promise<void> {
  await forgetInSessions(tx, participant);
  await tx
    .updateTable('participants')
    .set({ person: null, person_key: `${FORGOTTEN}${participant}` })
    .where('id', '=', participant)
    .execute();
  await tx
    .updateTable('participations')
    .set({ submission: null, submission_key: null, sealed: null })
    .where('participant', '=', participant)
    .execute();
}

/** What the sessions of a participant were launched with has their ids in it, and what they report may have names. */
export async function forgetInSessions(tx: Transaction<Tables>, participant: string): Promise<void> {
  const sessions = await tx
    .selectFrom('sessions')
    .innerJoin('participations', 'participations.session', 'sessions.id')
    .select(['sessions.id', 'sessions.report'])
    .where('participations.participant', '=', participant)
    .execute();
  for (const { id, report } of sessions) {
    const known = readReport(report);
    const kept = known === undefined ? null : JSON.stringify({ ...known, players: undefined });
    await tx.updateTable('sessions').set({ ordered: null, report: kept }).where('id', '=', id).execute();
  }
}
