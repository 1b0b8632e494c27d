import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import { nameMs, nameOf } from '../session-id.ts';
import type { Database } from './database.ts';
import type { SessionRow, Tables } from './schema.ts';
import { orUnavailable } from './unavailable.ts';

/** What sessions are searched by; each that is given has to hold. */
export interface HistoryFilter {
  /** A session's name. */
  readonly name?: string | undefined;
  readonly world?: string | undefined;
  readonly phase?: string | undefined;
  readonly endReason?: string | undefined;
  /** When it was requested: not before that, and before this. */
  readonly fromMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** A part of the text of a note. */
  readonly note?: string | undefined;
  /** The number of a study. */
  readonly study?: number | undefined;
  /** A participant's pseudonym. */
  readonly participant?: string | undefined;
}

/** All sessions that a launch was ever requested for, also those that lists do not show any more. */
export interface HistoryTable {
  /**
   * Those that a filter lets through, the newest first.
   * @param before goes on after the session of that name
   * @throws {UnavailableError} when the database cannot be asked; of the other methods as well
   */
  page(filter: HistoryFilter, size: number, before?: string): Promise<readonly SessionRow[]>;
  /** All of them, so many at once as memory may hold. */
  all(filter: HistoryFilter): AsyncGenerator<SessionRow>;
  /** The session of that name. */
  find(name: string): Promise<SessionRow | undefined>;
}

type Sessions = ExpressionBuilder<Tables, 'sessions'>;

/** Rows of an export that are in memory at once, for each that is fetched. */
const BATCH = 500;

export function openHistoryTable({ db }: Database): HistoryTable {
  async function select(
    filter: HistoryFilter,
    limit: number,
    after: Pick<SessionRow, 'requested_ms' | 'id'> | undefined,
  ): Promise<readonly SessionRow[]> {
    // Of the index alone: rows are read for those that are shown.
    const ids = db
      .selectFrom('sessions')
      .select('id')
      .where(eb => eb.and(conditionsOf(filter, eb)))
      .$if(after !== undefined, query =>
        query.where(eb =>
          eb(eb.refTuple('requested_ms', 'id'), '<', eb.tuple(after?.requested_ms ?? 0, after?.id ?? '')),
        ),
      )
      .orderBy('requested_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    const rows = await orUnavailable(
      db
        .selectFrom('sessions')
        .selectAll()
        .where('id', 'in', ids)
        .orderBy('requested_ms', 'desc')
        .orderBy('id', 'desc')
        .execute(),
    );
    return filter.name === undefined ? rows : rows.filter(({ id }) => nameOf(id) === filter.name);
  }

  async function find(name: string): Promise<SessionRow | undefined> {
    const rows = await orUnavailable(
      db.selectFrom('sessions').selectAll().where('requested_ms', '=', nameMs(name)).execute(),
    );
    return rows.find(({ id }) => nameOf(id) === name);
  }

  return {
    find,
    async page(filter, size, before) {
      return select(filter, size, before === undefined ? undefined : await positionOf(before));
    },
    async *all(filter) {
      for (let after: SessionRow | undefined; ; ) {
        const rows = await select(filter, BATCH, after);
        yield* rows;
        after = rows.at(-1);
        if (after === undefined) return;
      }
    },
  };

  /** Of a name that no session has: before all of its millisecond. */
  async function positionOf(name: string): Promise<Pick<SessionRow, 'requested_ms' | 'id'>> {
    return (await find(name)) ?? { requested_ms: nameMs(name), id: '' };
  }
}

/**
 * Those that a filter has to hold. One whose column is in another table is a list of ids, as that of notes is: the
 * history's index is walked, and each id looked up.
 */
function conditionsOf(filter: HistoryFilter, eb: Sessions): Expression<SqlBool>[] {
  const { name, world, phase, endReason, fromMs, untilMs, note, study, participant } = filter;
  const conditions = [
    // The rest of a name is a hash, which few sessions of one millisecond have to be told apart by.
    name !== undefined && eb('requested_ms', '=', nameMs(name)),
    world !== undefined && eb('world', '=', world),
    phase !== undefined && eb('phase', '=', phase),
    endReason !== undefined && eb('end_reason', '=', endReason),
    fromMs !== undefined && eb('requested_ms', '>=', fromMs),
    untilMs !== undefined && eb('requested_ms', '<', untilMs),
    note !== undefined && eb('id', 'in', withNote(eb, note)),
    study !== undefined && eb('id', 'in', ofParticipations(eb).where('study', '=', study)),
    participant !== undefined && eb('id', 'in', ofParticipations(eb).where('participant', '=', participant)),
  ];
  return conditions.filter(condition => condition !== false);
}

/** The sessions of those who take part in studies. */
function ofParticipations(eb: Sessions) {
  return eb
    .selectFrom('participations')
    .select('session')
    .where('session', 'is not', null)
    .$narrowType<{ session: string }>();
}

function withNote(eb: Sessions, text: string) {
  // SQLite's LIKE has no escapes unless it is told.
  const pattern = `%${text.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
  return eb.selectFrom('notes').select('session_id').where(sql<boolean>`folded like ${pattern} escape '\\'`);
}
