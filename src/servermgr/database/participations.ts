import type { Insertable, Transaction } from 'kysely';
import { type IdentityKeys, newParticipationId, newPseudonym } from '../studies/identities.ts';
import {
  type Identity,
  type Participation,
  type Standing,
  standingOf,
  type Verified,
} from '../studies/participation.ts';
import { codeFor, type Outcome, opennessOf, type Study } from '../studies/study.ts';
import type { Database } from './database.ts';
import { forget, lastSeenBefore } from './forgetting.ts';
import { participationOf } from './participation-rows.ts';
import type { ParticipationsTable, Tables } from './schema.ts';

/** Somebody who comes in: who they are, and what the platform says of them. */
export interface Arrival {
  readonly identity: Identity;
  readonly keys: IdentityKeys;
  /** The identity, sealed. */
  readonly sealed: string;
  readonly verified: Verified;
  /** The version of the texts that they have read. */
  readonly textVersion: number;
}

/** What became of somebody who has consented. */
export type Entry =
  | Exclude<Standing, { kind: 'new' }>
  | Exclude<ReturnType<typeof opennessOf>, { kind: 'open' }>;

/** Who takes part. Each call is one transaction or statement; what is decided once is never decided otherwise. */
export interface Participations {
  standing(study: Study, keys: IdentityKeys): Promise<Standing>;
  /**
   * Gives somebody who has consented a seat, or writes down that there was none. Whoever takes part already keeps what
   * they have, however often and from however many pages they ask.
   */
  admit(study: Study, arrival: Arrival, nowMs: number): Promise<Entry>;
  /** Somebody has not consented: nothing of them is kept. @param refusal its id: it is written down once */
  refuse(study: Study, refusal: Pick<Participation, 'id' | 'source'>, nowMs: number): Promise<void>;
  /** Those that are not over. */
  active(): Promise<readonly Participation[]>;
  find(id: string): Promise<Participation | undefined>;
  /** Their pages are open. */
  noteSeen(ids: readonly string[], nowMs: number): Promise<void>;
  /** They have read the instructions, and wait for a place. */
  enqueue(id: string, nowMs: number): Promise<void>;
  /** Gives somebody the session of that launch. @returns whether they have it: they may have left, or been given another */
  assign(waiting: Participation, session: string): Promise<boolean>;
  /** Its session never became ready: it waits for another one, where it was in the queue. @returns whether it had that session still */
  takeAway(participation: Participation): Promise<boolean>;
  /** A launch has failed: the next one is another request. */
  noteFailedLaunch({ id, launches }: Pick<Participation, 'id' | 'launches'>): Promise<void>;
  noteVerified(id: string, verified: Verified, nowMs: number): Promise<void>;
  /**
   * Keeps nothing any more that leads from those who have taken part before that to the people; what they did stays, by
   * their pseudonyms.
   */
  forgetBefore(study: number, ms: number): Promise<void>;
  /** @returns whether it was not over before */
  end(study: Study, id: string, outcome: Outcome, nowMs: number): Promise<boolean>;
}

/** So many rows are named in one statement. */
const BATCH = 500;

export function openParticipations({ db, transaction }: Database): Participations {
  async function triesOf(tx: Reader, study: number, personKey: string): Promise<Participation[]> {
    const rows = await tx
      .selectFrom('participations')
      .innerJoin('participants', 'participants.id', 'participations.participant')
      .selectAll('participations')
      .where('participants.study', '=', study)
      .where('participants.person_key', '=', personKey)
      .execute();
    return rows.map(participationOf);
  }

  async function admit(
    tx: Transaction<Tables>,
    study: Study,
    { identity, keys, sealed, verified, textVersion }: Arrival,
    nowMs: number,
  ): Promise<Entry> {
    const { number, settings } = study;
    const standing = standingOf(study, await triesOf(tx, number, keys.personKey), keys.submissionKey);
    if (standing.kind === 'active') return standing;
    if (standing.kind === 'done' || (standing.kind === 'over' && !standing.mayTryAgain)) return standing;
    const openness = opennessOf(study, nowMs);
    if (openness.kind !== 'open') return openness;
    const isFull = (await seatsTaken(tx, number)) >= settings.seats;
    // Who is turned away once more is told the same once more.
    if (isFull && standing.kind === 'over' && standing.participation.outcome === 'surplus') return standing;
    const row = {
      ...blankRow(study, identity.source, nowMs),
      participant: await participantOf(tx, study, identity, keys, nowMs),
      submission_key: keys.submissionKey,
      submission: settings.ids === 'plain' ? identity.submission : null,
      sealed,
      verified,
      verified_ms: verified === 'unasked' ? null : nowMs,
      text_version: textVersion,
      consent_ms: nowMs,
      ...(isFull ? endedAs(study, 'surplus', nowMs) : { state: 'reserved' }),
    };
    await tx.insertInto('participations').values(row).execute();
    const participation = participationOf(row);
    return isFull ? { kind: 'over', participation, mayTryAgain: true } : { kind: 'active', participation };
  }

  /** By those who are there, and by those who have finished: all others leave theirs to somebody else. */
  async function seatsTaken(tx: Reader, study: number): Promise<number> {
    const { count } = await tx
      .selectFrom('participations')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('study', '=', study)
      .where(({ or, eb }) => or([eb('state', '!=', 'over'), eb('outcome', '=', 'finished')]))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  return {
    async standing(study, { personKey, submissionKey }) {
      return standingOf(study, await triesOf(db, study.number, personKey), submissionKey);
    },

    admit: (study, arrival, nowMs) => transaction(tx => admit(tx, study, arrival, nowMs)),

    async refuse(study, { id, source }, nowMs) {
      const row = { ...blankRow(study, source, nowMs), id, ...endedAs(study, 'no-consent', nowMs) };
      await db
        .insertInto('participations')
        .values(row)
        .onConflict(conflict => conflict.doNothing())
        .execute();
    },

    async active() {
      const rows = await db.selectFrom('participations').selectAll().where('state', '!=', 'over').execute();
      return rows.map(participationOf);
    },

    async find(id) {
      const row = await db.selectFrom('participations').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? undefined : participationOf(row);
    },

    async noteSeen(ids, nowMs) {
      for (let start = 0; start < ids.length; start += BATCH)
        await db
          .updateTable('participations')
          .set({ seen_ms: nowMs })
          .where('id', 'in', ids.slice(start, start + BATCH))
          .execute();
    },

    async enqueue(id, nowMs) {
      await db
        .updateTable('participations')
        .set({ state: 'waiting', queued_ms: nowMs, seen_ms: nowMs })
        .where('id', '=', id)
        .where('state', '=', 'reserved')
        .execute();
    },

    async assign({ id, launches }, session) {
      const { numUpdatedRows } = await db
        .updateTable('participations')
        .set({ state: 'playing', session })
        .where('id', '=', id)
        .where('state', '=', 'waiting')
        .where('launches', '=', launches)
        .executeTakeFirst();
      if (numUpdatedRows > 0) return true;
      // Another instance may have been faster with the same launch.
      const row = await db
        .selectFrom('participations')
        .select('session')
        .where('id', '=', id)
        .executeTakeFirst();
      return row?.session === session;
    },

    async takeAway({ id, session = '', launches, unreadySessions }) {
      const { numUpdatedRows } = await db
        .updateTable('participations')
        .set({
          state: 'waiting',
          session: null,
          launches: launches + 1,
          unready_sessions: unreadySessions + 1,
        })
        .where('id', '=', id)
        .where('session', '=', session)
        .where('state', '=', 'playing')
        .executeTakeFirst();
      return numUpdatedRows > 0;
    },

    async noteFailedLaunch({ id, launches }) {
      await db
        .updateTable('participations')
        .set({ launches: launches + 1 })
        .where('id', '=', id)
        .where('launches', '=', launches)
        .execute();
    },

    async noteVerified(id, verified, nowMs) {
      await db
        .updateTable('participations')
        .set({ verified, verified_ms: nowMs })
        .where('id', '=', id)
        .execute();
    },

    async forgetBefore(study, ms) {
      for (const id of await lastSeenBefore(db, study, ms)) await transaction(tx => forget(tx, id));
    },

    async end(study, id, outcome, nowMs) {
      const { numUpdatedRows } = await db
        .updateTable('participations')
        .set(endedAs(study, outcome, nowMs))
        .where('id', '=', id)
        .where('state', '!=', 'over')
        .executeTakeFirst();
      return numUpdatedRows > 0;
    },
  };
}

type Reader = Pick<Database['db'], 'selectFrom'>;

/** The pseudonym of a person, who gets one with their first consent. */
async function participantOf(
  tx: Transaction<Tables>,
  { number, settings }: Study,
  { source, person }: Identity,
  { personKey }: IdentityKeys,
  nowMs: number,
): Promise<string> {
  const known = await tx
    .selectFrom('participants')
    .select('id')
    .where('study', '=', number)
    .where('person_key', '=', personKey)
    .executeTakeFirst();
  if (known !== undefined) return known.id;
  const id = newPseudonym();
  await tx
    .insertInto('participants')
    .values({
      ...{ id, study: number, source, person_key: personKey, created_ms: nowMs },
      person: settings.ids === 'plain' ? person : null,
    })
    .execute();
  return id;
}

function blankRow({ number, textVersion }: Study, source: Identity['source'], nowMs: number) {
  return {
    ...{ id: newParticipationId(), study: number, source, text_version: textVersion },
    ...{ participant: null, submission_key: null, submission: null, sealed: null, group_id: null },
    ...{ verified: 'unasked', verified_ms: null, consent_ms: null, seen_ms: nowMs, queued_ms: null },
    ...{
      launches: 0,
      unready_sessions: 0,
      session: null,
      outcome: null,
      outcome_ms: null,
      code: null,
      created_ms: nowMs,
    },
  } satisfies Omit<Insertable<ParticipationsTable>, 'state'>;
}

function endedAs(study: Study, outcome: Outcome, nowMs: number) {
  return { state: 'over', sealed: null, outcome, outcome_ms: nowMs, code: codeFor(study, outcome) ?? null };
}
