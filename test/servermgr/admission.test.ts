import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { type AdmissionLimits, openAdmissions } from '../../src/servermgr/database/admission.ts';
import { openFleetTable } from '../../src/servermgr/database/fleet-table.ts';
import { openDatabase } from '../../src/servermgr/database/open.ts';
import { type FleetRecord, newRecord } from '../../src/servermgr/database/records.ts';
import { requestedSession } from '../../src/servermgr/launchers/launcher.ts';
import { newId, randomToken } from '../../src/servermgr/session-id.ts';

const NOON = Date.parse('2026-11-28T12:00:00Z');
const HOUR = 3_600_000;

/** A database of this test's own, in a file. */
async function openHere(changes: Partial<AdmissionLimits> = {}, costPerHour?: number) {
  const folder = await mkdtemp(join(tmpdir(), 'admission-'));
  const database = await openDatabase({ kind: 'sqlite', file: join(folder, 'fleet.sqlite') }, 'tests');
  const limits = {
    ...{ fleet: 20, maxAgeMs: 12 * HOUR, budgetPerDay: undefined },
    ...{ sessionsPerNetwork: 20, launchesPerDay: 200 },
    ...changes,
  };
  const admissions = openAdmissions(database, limits, costPerHour);
  const table = openFleetTable(database);
  return {
    ...{ database, admissions, table },
    admit: (record: FleetRecord) =>
      admissions.admit(record, { atMs: record.requestedMs, who: 'a test', what: 'launch' }),
    /** The session is over. */
    end: (record: FleetRecord, overMs: number) =>
      table.saveObserved([{ ...record, confirmedMs: record.requestedMs, overMs }], async () => true),
    async [Symbol.asyncDispose]() {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

function requested(changes: Partial<FleetRecord> = {}, visitor = randomToken()): FleetRecord {
  const { requestedMs = NOON } = changes;
  const identity = { idempotencyKey: randomToken(), visitorHash: visitor, world: 'flat_world', attempt: 1 };
  const session = requestedSession({ id: newId(requestedMs), ...identity }, '');
  return newRecord(session, { networkHash: 'a network', ...changes, requestedMs });
}

test('one network has so many sessions at once, and leaves the others their places', async () => {
  await using here = await openHere({ fleet: 5, sessionsPerNetwork: 3 });
  const kinds = [];
  for (let press = 0; press < 22; press += 1) kinds.push((await here.admit(requested())).kind);
  expect(kinds.filter(kind => kind === 'admitted')).toHaveLength(3);
  expect(new Set(kinds.slice(3))).toEqual(new Set(['network-full']));
  expect(await here.admit(requested({ networkHash: 'another' }))).toEqual({ kind: 'admitted' });
  // Whoever is trusted has no network.
  expect(await here.admit(requested({ networkHash: undefined }))).toEqual({ kind: 'admitted' });
  expect(await here.admit(requested({ networkHash: undefined }))).toEqual({ kind: 'full', limit: 5 });
});

test('one network launches so many in a day; a launch that has failed counts as none', async () => {
  await using here = await openHere({ launchesPerDay: 2 });
  const [first, second, third] = [requested(), requested(), requested()];
  await here.admit(first);
  await here.table.giveUp(first, { atMs: NOON, who: 'a test', what: 'launch-failed' });
  for (const each of [second, third]) {
    expect(await here.admit(each)).toEqual({ kind: 'admitted' });
    await here.end(each, NOON + 1);
  }
  expect(await here.admit(requested())).toEqual({ kind: 'network-spent', limit: 2 });
  expect(await here.admit(requested({ requestedMs: NOON + 24 * HOUR + 1 }))).toEqual({ kind: 'admitted' });
});

test('one visitor has one session; the same press finds it again, also when it is over', async () => {
  await using here = await openHere();
  const first = requested({}, 'a visitor');
  await here.admit(first);
  const { id, world } = first.session;
  expect(await here.admit(requested({}, 'a visitor'))).toEqual({ kind: 'already-running', id, world });
  const again = { ...first, session: { ...first.session, id: newId(NOON + 5) } };
  expect(await here.admit(again)).toEqual({ kind: 'known', id });
  await here.end(first, NOON);
  expect(await here.admit(again)).toEqual({ kind: 'known', id });
  expect(await here.admit(requested({}, 'a visitor'))).toEqual({ kind: 'admitted' });
});

test('a press that failed can be repeated', async () => {
  await using here = await openHere();
  const first = requested();
  await here.admit(first);
  await here.table.giveUp(first, { atMs: NOON, who: 'a test', what: 'launch-failed' });
  const again = { ...first, session: { ...first.session, id: newId(NOON + 5) } };
  expect(await here.admit(again)).toEqual({ kind: 'admitted' });
});

test('a budget is never exceeded: those that run count until their limit or midnight, those that are over as they were', async () => {
  // At a dollar an hour; the day has twelve hours left, and a session runs for four of them at most.
  await using here = await openHere({ budgetPerDay: 10, maxAgeMs: 4 * HOUR }, 1);
  const [first, second] = [requested(), requested()];
  expect(await here.admit(first)).toEqual({ kind: 'admitted' });
  expect(await here.admit(second)).toEqual({ kind: 'admitted' });
  expect(await here.admissions.spending(NOON)).toEqual({ atMost: 8, budget: 10 });
  const midnightMs = NOON + 12 * HOUR;
  expect(await here.admit(requested())).toEqual({ kind: 'over-budget', untilMs: midnightMs });
  await here.end(first, NOON + HOUR);
  expect(await here.admissions.spending(NOON + HOUR)).toEqual({ atMost: 5, budget: 10 });
  const third = requested({ requestedMs: NOON + HOUR });
  expect(await here.admit(third)).toEqual({ kind: 'admitted' });
  expect(await here.admit(requested({ requestedMs: NOON + HOUR }))).toMatchObject({ kind: 'over-budget' });
  await here.end(second, NOON + 4 * HOUR);
  await here.end(third, NOON + 5 * HOUR);
  // Just before midnight little of this day's money can be spent, and then another day begins.
  expect(await here.admit(requested({ requestedMs: midnightMs - HOUR / 2 }))).toEqual({ kind: 'admitted' });
  expect((await here.admissions.spending(midnightMs + 1))?.atMost).toBeCloseTo(3.5, 2);
});

test('a session of tonight counts tomorrow as well', async () => {
  await using here = await openHere({ budgetPerDay: 10, maxAgeMs: 8 * HOUR }, 1);
  const evening = NOON + 11 * HOUR;
  // An hour each of today's money, and seven of tomorrow's.
  expect(await here.admit(requested({ requestedMs: evening }))).toEqual({ kind: 'admitted' });
  expect((await here.admissions.spending(evening))?.atMost).toBe(1);
  expect(await here.admit(requested({ requestedMs: evening }))).toMatchObject({ kind: 'over-budget' });
});

test('what costs are unknown is told by the sessions before', async () => {
  await using here = await openHere({ budgetPerDay: 3, maxAgeMs: HOUR });
  const first = requested();
  await here.admit(first);
  await here.table.confirm({ ...first, session: { ...first.session, costPerHour: 2 }, confirmedMs: NOON });
  expect(await here.admit(requested())).toMatchObject({ kind: 'over-budget' });
});

test('of many requests at once the limits hold exactly', async () => {
  await using here = await openHere({ fleet: 7 });
  const answers = await Promise.all(Array.from({ length: 60 }, () => here.admit(requested())));
  expect(answers.filter(({ kind }) => kind === 'admitted')).toHaveLength(7);
});

test('what SQLite would take for something else is refused', async () => {
  await using here = await openHere();
  for (const value of [new Date(), {}, true, undefined]) {
    await expect(sql`select ${value}, ${1}`.execute(here.database.db)).rejects.toThrow('SQLite takes');
  }
});

test('of many sessions that are found those that nobody knew are written down, each with its entry', async () => {
  await using here = await openHere();
  const found = Array.from({ length: 250 }, () => requested());
  await here.table.add(found.slice(0, 3), { atMs: NOON, who: 'manager', what: 'found' });
  await here.table.add(found, { atMs: NOON, who: 'manager', what: 'found' });
  expect(await here.table.changedSince(undefined)).toHaveLength(250);
  const entries = await here.database.db.selectFrom('audit').select('session').execute();
  expect(new Set(entries.map(({ session }) => session)).size).toBe(250);
  expect(entries).toHaveLength(250);
});
