import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DatabaseSettings } from '../../../src/config/servermgr-config.ts';
import type { Database } from '../../../src/servermgr/database/database.ts';
import { openDatabase } from '../../../src/servermgr/database/open.ts';
import { openParticipations } from '../../../src/servermgr/database/participations.ts';
import { openStudies } from '../../../src/servermgr/database/studies.ts';
import { createIdentities } from '../../../src/servermgr/studies/identities.ts';
import { isAbandoned, type Participation, queueOf } from '../../../src/servermgr/studies/participation.ts';
import type { StudySettings } from '../../../src/servermgr/studies/study.ts';
import { startPostgres } from '../support/postgres.ts';

const NOON = Date.parse('2026-11-28T12:00:00Z');
const MINUTE = 60_000;
const DAY = 86_400_000;

const SETTINGS: StudySettings = {
  ...{ platforms: ['prolific'], world: 'flat_world', lengthMinutes: 30, minimumMinutes: 10, waitMinutes: 15 },
  ...{ sessionsPerParticipant: 1, seats: 3, ids: 'hashed', minecraftNames: false },
  codes: {
    ...{ finished: 'DONE', incomplete: '', 'no-consent': 'NO' },
    ...{ 'waited-too-long': 'WAIT', technical: 'BROKEN', surplus: 'FULL' },
  },
};

/** A study in a database. */
async function studyIn(database: Database, changes: Partial<StudySettings> = {}) {
  const studies = openStudies(database);
  const participations = openParticipations(database);
  const identities = createIdentities('s'.repeat(32));
  const texts = { consent: 'What it is.', instructions: 'What to do.' };
  const number = await studies.create(
    { name: 'A study', settings: { ...SETTINGS, ...changes }, texts },
    NOON,
  );
  const study = await studies.find(number);
  if (study === undefined) throw new Error('the study is not there');

  function admit(person: string, nowMs = NOON, submission = `s-${person}`) {
    const identity = { study: number, source: 'prolific' as const, person, submission };
    const arrival = { identity, keys: identities.keysOf(identity), sealed: identities.seal(identity) };
    return participations.admit(
      study as NonNullable<typeof study>,
      { ...arrival, verified: 'confirmed', textVersion: 1 },
      nowMs,
    );
  }

  return {
    ...{ database, study, studies, participations, identities, admit },
    /** Somebody who has a seat. */
    async seated(person: string, nowMs = NOON): Promise<Participation> {
      const entry = await admit(person, nowMs);
      if (entry.kind !== 'active') throw new Error(`${person} is ${entry.kind}`);
      return entry.participation;
    },
    standing: (person: string, submission = `s-${person}`) =>
      participations.standing(
        study,
        identities.keysOf({ study: number, source: 'prolific', person, submission }),
      ),
    end: (participation: Participation, outcome: NonNullable<Participation['outcome']>) =>
      participations.end(study, participation.id, outcome, NOON),
  };
}

/** The same in a file of this test's own. */
async function studyHere(changes: Partial<StudySettings> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'study-'));
  const database = await openDatabase({ kind: 'sqlite', file: join(folder, 'fleet.sqlite') }, 'tests');
  return {
    ...(await studyIn(database, changes)),
    async [Symbol.asyncDispose]() {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

test('three seats are three, and whoever is turned away is not barred when one comes free', async () => {
  await using here = await studyHere();
  const [first] = [await here.seated('a'), await here.seated('b'), await here.seated('c')];
  const turnedAway = await here.admit('d');
  expect(turnedAway).toMatchObject({
    kind: 'over',
    mayTryAgain: true,
    participation: { outcome: 'surplus', code: 'FULL' },
  });
  // Once more is no second row.
  expect(await here.admit('d')).toMatchObject({
    participation: { id: turnedAway.kind === 'over' && turnedAway.participation.id },
  });
  await here.end(first, 'technical');
  expect((await here.admit('d')).kind).toBe('active');
  expect((await here.admit('e')).kind).toBe('over');
});

test('a seat is free again after each end but that of somebody who has finished', async () => {
  await using here = await studyHere({ seats: 1 });
  for (const outcome of ['incomplete', 'waited-too-long', 'technical', 'returned', 'expired'] as const)
    expect(await here.end(await here.seated(`person ${outcome}`), outcome)).toBe(true);
  await here.end(await here.seated('who finishes'), 'finished');
  expect(await here.admit('who comes then')).toMatchObject({ participation: { outcome: 'surplus' } });
});

test('the same person has one try, however often and with whatever submission they come while it lasts', async () => {
  await using here = await studyHere();
  const { id } = await here.seated('a');
  const entries = await Promise.all(
    ['s-a', 's-a', 'another'].map(submission => here.admit('a', NOON, submission)),
  );
  expect(entries.map(entry => entry.kind === 'active' && entry.participation.id)).toEqual([id, id, id]);
});

test('who has finished is shown the code again by the same link, and by another that they have taken part', async () => {
  await using here = await studyHere();
  await here.end(await here.seated('a'), 'finished');
  expect(await here.standing('a')).toMatchObject({
    kind: 'over',
    mayTryAgain: false,
    participation: { code: 'DONE' },
  });
  expect(await here.standing('a', 'another')).toEqual({ kind: 'done' });
  expect(await here.admit('a', NOON, 'another')).toEqual({ kind: 'done' });
  expect(await here.standing('b')).toEqual({ kind: 'new' });
});

test('two sessions of a participant are two, and not three', async () => {
  await using here = await studyHere({ sessionsPerParticipant: 2 });
  for (const submission of ['one', 'two']) {
    const entry = await here.admit('a', NOON, submission);
    if (entry.kind === 'active') await here.end(entry.participation, 'finished');
  }
  expect(await here.admit('a', NOON, 'three')).toEqual({ kind: 'done' });
});

test('nobody comes in before a study opens, nor when it has closed, and who is inside stays', async () => {
  await using here = await studyHere({ opensMs: NOON, closesMs: NOON + DAY });
  expect(await here.admit('a', NOON - 1)).toEqual({ kind: 'not-yet', fromMs: NOON });
  await here.seated('b');
  expect(await here.admit('c', NOON + DAY)).toEqual({ kind: 'closed' });
  expect((await here.admit('b', NOON + DAY)).kind).toBe('active');
});

test('an end is decided once', async () => {
  await using here = await studyHere();
  const participation = await here.seated('a');
  const decided = await Promise.all([
    here.end(participation, 'finished'),
    here.end(participation, 'technical'),
  ]);
  expect(decided).toEqual([true, false]);
  expect(await here.participations.find(participation.id)).toMatchObject({
    outcome: 'finished',
    code: 'DONE',
    sealed: undefined,
  });
  // Whoever has left gets no session.
  expect(await here.participations.assign(participation, 'a session')).toBe(false);
});

test('of those who do not agree nothing is kept, and a double click is one', async () => {
  await using here = await studyHere();
  for (let click = 0; click < 2; click += 1)
    await here.participations.refuse(here.study, { id: 'T-1', source: 'prolific' }, NOON);
  const rows = await here.database.db.selectFrom('participations').selectAll().execute();
  expect(rows).toMatchObject([
    { id: 'T-1', participant: null, submission_key: null, outcome: 'no-consent', code: 'NO' },
  ]);
  expect(await here.database.db.selectFrom('participants').selectAll().execute()).toEqual([]);
});

test('ids are kept as they are only where a study says so; hashes tell nothing without the key', async () => {
  await using here = await studyHere({ ids: 'plain' });
  await using hashed = await studyHere();
  await here.seated('alice');
  await hashed.seated('alice');
  const textOf = async (database: Database) =>
    JSON.stringify([
      await database.db.selectFrom('participants').selectAll().execute(),
      await database.db.selectFrom('participations').selectAll().execute(),
    ]);
  expect(await textOf(here.database)).toContain('"person":"alice"');
  expect(await textOf(hashed.database)).not.toContain('alice');
  const [row] = await hashed.participations.active();
  // While it lasts, Prolific can be asked.
  expect(hashed.identities.unseal(row?.sealed ?? '')).toMatchObject({
    person: 'alice',
    submission: 's-alice',
  });
  expect(createIdentities('another secret').unseal(row?.sealed ?? '')).toBeUndefined();
});

test('after its days a study knows nobody any more, but those who have come since and who take part', async () => {
  await using here = await studyHere({ ids: 'plain', seats: 9 });
  await here.end(await here.seated('old'), 'finished');
  const playing = await here.seated('old and playing');
  await here.end(await here.seated('new', NOON + DAY), 'finished');
  await here.participations.forgetBefore(here.study.number, NOON + MINUTE);
  const people = await here.database.db.selectFrom('participants').select(['id', 'person']).execute();
  expect(new Set(people.map(({ person }) => person))).toEqual(new Set(['new', 'old and playing', null]));
  expect(await here.standing('old')).toEqual({ kind: 'new' });
  expect(await here.participations.find(playing.id)).toMatchObject({ submission: 's-old and playing' });
  const [forgotten] = await here.database.db
    .selectFrom('participations')
    .selectAll()
    .where('outcome', '=', 'finished')
    .orderBy('created_ms')
    .execute();
  expect(forgotten).toMatchObject({ submission: null, submission_key: null, sealed: null, code: 'DONE' });
});

test('a text that is changed is a new version, and the old one stays', async () => {
  await using here = await studyHere();
  const form = {
    name: 'A study',
    settings: SETTINGS,
    texts: { consent: 'Something else.', instructions: 'What to do.' },
  };
  await here.studies.change(here.study, form, NOON);
  await here.studies.change(here.study, { ...form, name: 'Another name' }, NOON);
  expect(await here.studies.find(here.study.number)).toMatchObject({ textVersion: 2, name: 'Another name' });
  expect(await here.studies.texts(here.study.number, 1)).toMatchObject({ consent: 'What it is.' });
  expect(await here.studies.texts(here.study.number, 2)).toMatchObject({ consent: 'Something else.' });
});

test('a queue goes by when people came, and passes over those whose page is closed', () => {
  const waiting = (id: string, queuedMs: number, seenMs = NOON) =>
    ({ id, state: 'waiting', queuedMs, seenMs }) as Participation;
  const all = [
    waiting('late', NOON - 1),
    waiting('early', NOON - 9),
    waiting('gone', NOON - 99, NOON - 61_000),
  ];
  expect(queueOf(all, NOON).map(({ id }) => id)).toEqual(['early', 'late']);
  expect(isAbandoned(waiting('gone', 0, NOON - 11 * MINUTE), NOON)).toBe(true);
  expect(isAbandoned(waiting('gone', 0, NOON - 9 * MINUTE), NOON)).toBe(false);
});

describe('in Postgres', () => {
  test('forty people and three instances at one moment: ten seats are ten, and each person has one try', {
    tags: ['slow'],
  }, async () => {
    await using postgres = await startPostgres();
    const settings: DatabaseSettings = { kind: 'postgres', url: postgres.url, tls: 'disable' };
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase(settings, 'tests')));
    const [first] = databases;
    if (first === undefined) throw new Error('there is no database');
    const here = await studyIn(first, { seats: 10 });
    const desks = databases.map(database => openParticipations(database));
    const admit = (person: string, index: number) => {
      const identity = { study: here.study.number, source: 'prolific' as const, person, submission: person };
      const arrival = {
        identity,
        keys: here.identities.keysOf(identity),
        sealed: here.identities.seal(identity),
      };
      return desks[index % 3]?.admit(here.study, { ...arrival, verified: 'unasked', textVersion: 1 }, NOON);
    };
    // Each clicks twice, at two instances.
    const clicks = Array.from({ length: 80 }, (_, index) =>
      untilConnected(() => admit(`person ${index >> 1}`, index)),
    );
    await Promise.all(clicks);
    const rows = await first.db.selectFrom('participations').selectAll().execute();
    expect(rows.filter(({ state }) => state === 'reserved')).toHaveLength(10);
    expect(rows).toHaveLength(40);
    expect(await first.db.selectFrom('participants').selectAll().execute()).toHaveLength(40);
    await Promise.all(databases.map(database => database.close()));
  });
});

/** On a busy machine a pool's connections may all be in use for too long: its page says so, and is loaded again. */
async function untilConnected(click: () => Promise<unknown> | undefined): Promise<void> {
  for (;;) {
    try {
      await click();
      return;
    } catch (error) {
      if (!String(error).includes('timeout exceeded when trying to connect')) throw error;
    }
  }
}
