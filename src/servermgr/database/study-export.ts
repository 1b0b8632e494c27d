import { presenceMs } from '../fleet/presence.ts';
import { nameOf } from '../session-id.ts';
import type { Participation } from '../studies/participation.ts';
import type { Database } from './database.ts';
import { forgetInSessions } from './forgetting.ts';
import { participationOf } from './participation-rows.ts';
import { type FleetRecord, recordOf } from './records.ts';

/** One participation with all that is known of it. */
export interface ExportRow {
  readonly participation: Participation;
  /** The platform's id of the person; undefined: none is kept. */
  readonly person: string | undefined;
  /** undefined: there was none. */
  readonly session: FleetRecord | undefined;
}

export interface StudyCounts {
  /** Seats that nobody else can have. */
  readonly taken: number;
  readonly active: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

/** What remains of a participant when the tables have nothing any more. */
export interface Deleted {
  /** The names of their sessions. */
  readonly sessions: readonly string[];
  /** The keys of their archives. */
  readonly archives: readonly string[];
}

/** What studies have brought. */
export interface StudyExports {
  counts(study: number): Promise<StudyCounts>;
  /** All participations of a study, the oldest first. */
  rows(study: number): Promise<readonly ExportRow[]>;
  /**
   * Removes the rows of one participant.
   * @param who the pseudonym, or the hash of the platform's id
   * @returns undefined: there is none; `active`: they take part just now
   */
  delete(
    study: number,
    who: { readonly pseudonym: string; readonly personKey: string },
  ): Promise<Deleted | 'active' | undefined>;
}

export function openStudyExports({ db, transaction }: Database): StudyExports {
  return {
    async counts(study) {
      const rows = await db
        .selectFrom('participations')
        .select(({ fn }) => ['state', 'outcome', fn.countAll<number>().as('count')])
        .where('study', '=', study)
        .groupBy(['state', 'outcome'])
        .execute();
      const sum = (of: typeof rows) => of.reduce((total, { count }) => total + Number(count), 0);
      const active = sum(rows.filter(({ state }) => state !== 'over'));
      const over = rows.filter(({ state }) => state === 'over');
      const outcomes = Object.fromEntries(over.map(({ outcome, count }) => [outcome ?? '', Number(count)]));
      return { active, outcomes, taken: active + (outcomes.finished ?? 0) };
    },

    async rows(study) {
      const rows = await db
        .selectFrom('participations')
        .leftJoin('participants', 'participants.id', 'participations.participant')
        .selectAll('participations')
        .select('participants.person')
        .where('participations.study', '=', study)
        .orderBy('participations.created_ms')
        .execute();
      const sessions = await sessionsOf(study);
      return rows.map(row => ({
        participation: participationOf(row),
        person: row.person ?? undefined,
        session: sessions.get(row.session ?? ''),
      }));
    },

    delete: (study, { pseudonym, personKey }) =>
      transaction(async tx => {
        const found = await tx
          .selectFrom('participants')
          .select('id')
          .where('study', '=', study)
          .where(({ or, eb }) => or([eb('id', '=', pseudonym), eb('person_key', '=', personKey)]))
          .executeTakeFirst();
        if (found === undefined) return undefined;
        const active = await tx
          .selectFrom('participations')
          .select('id')
          .where('participant', '=', found.id)
          .where('state', '!=', 'over')
          .executeTakeFirst();
        if (active !== undefined) return 'active';
        const sessions = await tx
          .selectFrom('sessions')
          .innerJoin('participations', 'participations.session', 'sessions.id')
          .selectAll('sessions')
          .where('participations.participant', '=', found.id)
          .execute();
        const ids = sessions.map(({ id }) => id);
        await forgetInSessions(tx, found.id);
        await tx.deleteFrom('participations').where('participant', '=', found.id).execute();
        await tx.deleteFrom('participants').where('id', '=', found.id).execute();
        const records = sessions.map(recordOf);
        return {
          sessions: ids.map(id => nameOf(id) ?? id),
          archives: records.flatMap(({ report }) => report?.archive?.key ?? []),
        };
      }),
  };

  async function sessionsOf(study: number): Promise<Map<string, FleetRecord>> {
    const rows = await db
      .selectFrom('sessions')
      .innerJoin('participations', 'participations.session', 'sessions.id')
      .selectAll('sessions')
      .where('participations.study', '=', study)
      .execute();
    return new Map(rows.map(row => [row.id, recordOf(row)]));
  }
}

/** The columns of an export: one id for the same thing in every table. */
export function exportColumns({ participation, person, session }: ExportRow, nowMs: number) {
  const { id, study, participant, source, submission, verified, textVersion, outcome, code } = participation;
  const report = session?.report;
  return {
    study,
    participant: participant ?? '',
    participation: id,
    session: session === undefined ? '' : (nameOf(session.session.id) ?? ''),
    source,
    person_id: person ?? '',
    submission_id: submission ?? '',
    verified,
    text_version: textVersion,
    consented_at: moment(participation.consentMs),
    queued_at: moment(participation.queuedMs),
    ready_at: moment(session?.observation?.readyMs),
    ended_at: moment(report?.endedMs ?? session?.overMs),
    present_seconds: session === undefined ? '' : Math.round(presenceMs(session, nowMs) / 1_000),
    outcome: outcome ?? '',
    outcome_at: moment(participation.outcomeMs),
    code: code ?? '',
    saved: report?.saved ?? '',
    archive: report?.archive?.key ?? '',
    archive_bytes: report?.archive?.bytes ?? '',
    minecraft_names: report?.players?.join(' ') ?? '',
  };
}

function moment(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString();
}
