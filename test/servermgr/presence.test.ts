import { expect, test } from 'vitest';
import { readSavedReport, type SavedReport } from '../../src/report/saved-report.ts';
import { type Observation, observe, type Sample } from '../../src/servermgr/fleet/observation.ts';
import { presenceMs } from '../../src/servermgr/fleet/presence.ts';
import { createSubscribers } from '../../src/servermgr/fleet/subscribers.ts';
import type { Session, SessionEnded } from '../../src/servermgr/launchers/launcher.ts';
import { eventually } from '../support/eventually.ts';
import { createParts, launchedRecord, newSession } from './support/fleet-parts.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const NOW = Date.parse('2026-11-22T12:00:00Z');

const address = { host: '1.2.3.4', port: 25_565 };
const running: Session = {
  ...newSession(),
  state: { phase: 'running', address, pingAddress: address, dashboard: undefined, sinceMs: undefined },
};
const ending: Session = { ...running, state: { phase: 'ending', stopped: 'visitor' } };
const over: SessionEnded = {
  ...{ phase: 'ended', atMs: undefined, why: undefined, exitCode: 0 },
  ...{ stopped: undefined, lackedCapacity: false },
};
const endedAt = (atMs?: number): Session => ({ ...running, state: { ...over, atMs } });

interface Look extends Partial<Pick<Sample, 'session' | 'told'>> {
  /** How many seconds after NOW. */
  readonly at: number;
  /** How many players the server shows, the agent among them; undefined: it is not asked. */
  readonly online?: number | 'silent';
}

function probeOf(online: Look['online']): Sample['probe'] {
  if (online === undefined) return undefined;
  if (online === 'silent') return { port: 'closed' };
  const status = { version: '1.12.2', protocol: 340, online, max: 20, names: [], latencyMs: 1 };
  return { port: 'open', status, dashboard: undefined };
}

/** What is observed, and what of it has changed at which look. */
function observed(...looks: readonly Look[]) {
  const changes: [at: number, presentMs: number, sinceMs: number | undefined][] = [];
  let known: Observation | undefined;
  for (const { at, online, session = running, told } of looks) {
    const facts = { session, told, probe: probeOf(online), agentPlayers: 1, launchedHere: true };
    const next = observe(known, { ...facts, atMs: NOW + at * SECOND });
    if (next.peopleMs !== (known?.peopleMs ?? 0) || next.peopleSinceMs !== known?.peopleSinceMs) {
      const sinceS = next.peopleSinceMs === undefined ? undefined : (next.peopleSinceMs - NOW) / SECOND;
      changes.push([at, next.peopleMs / SECOND, sinceS]);
    }
    known = next;
  }
  if (known === undefined) throw new Error('nobody has looked');
  return { observation: known, changes };
}

/** So many seconds somebody was there, as is known so many seconds after NOW. */
function presenceS(
  { observation }: { readonly observation: Observation },
  at: number,
  session: Session = running,
  report?: SavedReport,
): number {
  return presenceMs({ session, observation, report }, NOW + at * SECOND) / SECOND;
}

function reportOf(fields: object): SavedReport {
  const report = readSavedReport(JSON.stringify({ saved: 'archive', exitCode: 0, ...fields }));
  if (report === undefined) throw new Error('it is no report');
  return report;
}

const moment = (at: number) => new Date(NOW + at * SECOND).toISOString();

test('it is counted from who comes first to who leaves last, and again; it changes with nothing else', () => {
  const stays = observed(
    ...[1, 1, 2, 2, 3, 2, 2, 1, 1, 2, 2].map((online, index) => ({ at: 10 * index, online })),
  );
  expect(stays.changes).toEqual([
    [20, 0, 20],
    [70, 50, undefined],
    [90, 50, 90],
  ]);
  expect(presenceS(stays, 100)).toBe(60);
  expect(presenceS(stays, 130)).toBe(90);
});

test('who is at the dashboard alone is there, as the session tells it', () => {
  const told = (present: number) => ({ present, dashboard: present, agentInGame: true, peak: 1 });
  const stays = observed(
    { at: 0, online: 1, told: told(0) },
    { at: 5, told: told(1) },
    { at: 20, online: 1, told: told(1) },
    { at: 35, told: told(0) },
  );
  expect(stays.changes).toEqual([
    [5, 0, 5],
    [35, 30, undefined],
  ]);
});

test('while the server is silent nobody counts as there; what it shows then tells who has stayed', () => {
  const silent = [
    { at: 0, online: 2 },
    { at: 10, online: 'silent' },
    { at: 20, online: 'silent' },
  ] as const;
  expect(presenceS(observed(...silent), 60)).toBe(10);
  expect(presenceS(observed(...silent, { at: 30, online: 2 }), 60)).toBe(60);
  expect(presenceS(observed(...silent, { at: 30, online: 1 }), 60)).toBe(10);
  // By the session's own word, of a server that is silent still.
  const told = { present: 0, dashboard: 0, peak: 1 };
  expect(presenceS(observed(...silent, { at: 30, told }), 60)).toBe(10);
});

test('where a session ends while somebody is there, it is counted up to the earliest moment of its end that is known', () => {
  const there = { at: 0, online: 2 };
  const stopped = observed(
    there,
    { at: 20, session: ending },
    { at: 50, session: endedAt(NOW + 40 * SECOND) },
  );
  expect(presenceS(stopped, 3_600, endedAt(NOW + 40 * SECOND))).toBe(20);
  // Nobody has looked meanwhile: the manager was not there.
  const late = { at: 3_000, session: endedAt(NOW + 40 * SECOND) };
  expect(presenceS(observed(there, late), 3_600, late.session)).toBe(40);
  const vanished = observed(there, { at: 3_000, session: endedAt() });
  expect(presenceS(vanished, 9_000, endedAt())).toBe(3_000);
  expect(presenceS(vanished, 9_000, endedAt(), reportOf({ endedAt: moment(100) }))).toBe(100);
  // What had been recovered of one that was cut off.
  const recovered = reportOf({ recovered: true, coveredUntil: moment(70) });
  expect(presenceS(vanished, 9_000, endedAt(), recovered)).toBe(70);
  const silentBefore = observed(there, { at: 30, online: 'silent' }, { at: 50, session: endedAt() });
  expect(presenceS(silentBefore, 9_000, endedAt(), recovered)).toBe(30);
});

test('one that is told to have ended before somebody was seen takes nothing away', () => {
  const stays = observed({ at: 0, online: 2 }, { at: 10, online: 1 }, { at: 100, online: 2 });
  expect(presenceS(stays, 200, endedAt(NOW))).toBe(10);
});

test('the report of a session that has ended tells it more exactly, unless it is of its last run alone', () => {
  const stays = observed({ at: 10, online: 2 }, { at: 70, session: endedAt() });
  const report = (startedAt: string | undefined) =>
    reportOf({ startedAt, people: { peak: 1, presentMs: 55_000 } });
  expect(presenceS(stays, 90, endedAt(), report(moment(0)))).toBe(55);
  expect(presenceS(stays, 90, running, report(moment(0)))).toBe(60);
  for (const startedAt of [moment(30), undefined])
    expect(presenceS(stays, 90, endedAt(), report(startedAt))).toBe(60);
  const facts = { session: endedAt(), observation: undefined };
  expect(presenceMs({ ...facts, report: report(moment(0)) }, NOW)).toBe(55_000);
  expect(presenceMs({ ...facts, report: undefined }, NOW)).toBe(0);
});

test('what an earlier version has observed is read as nobody’s presence, and counted from the next look on', async () => {
  const { observation } = observed({ at: 0, online: 2 }, { at: 10, online: 2 });
  const record = launchedRecord({ session: running, observation });
  await using parts = await createParts([record]);
  const { database, registry } = parts;
  expect(registry.get(running.id)?.observation).toEqual(observation);
  const { peopleMs, peopleSinceMs, ...earlier } = observation;
  const changes = { observation: JSON.stringify(earlier), changed_ms: Date.now() };
  await database.db.updateTable('sessions').set(changes).execute();
  await eventually(async () => {
    await registry.read();
    return registry.get(running.id)?.observation?.peopleSinceMs === undefined;
  });
  const read = registry.get(running.id)?.observation;
  expect(read).toMatchObject({ ...earlier, peopleMs: 0, peopleSinceMs: undefined });
  const facts = { session: running, probe: probeOf(2), agentPlayers: 1, launchedHere: true };
  expect(observe(read, { ...facts, atMs: NOW + MINUTE })).toMatchObject({
    peopleMs: 0,
    peopleSinceMs: NOW + MINUTE,
  });
});

test('nobody who follows a session is told that somebody is there for longer by now', async () => {
  const { observation } = observed({ at: 0, online: 2 });
  await using parts = await createParts([launchedRecord({ session: running, observation })]);
  const [view] = parts.registry.views();
  if (view === undefined) throw new Error('it is not shown');
  const subscribers = createSubscribers();
  const told: number[] = [];
  subscribers.add(view.id, ({ people }) => told.push(people));
  for (const changes of [{}, { presentMs: view.presentMs + 1 }, { people: 2 }])
    subscribers.notify([{ ...view, ...changes }]);
  expect(told).toEqual([1, 2]);
});
