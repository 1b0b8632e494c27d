import { expect, test } from 'vitest';
import type { FleetRecord } from '../../src/servermgr/database/records.ts';
import type { Observation } from '../../src/servermgr/fleet/observation.ts';
import { viewOf } from '../../src/servermgr/fleet/view.ts';
import type { SessionEnded } from '../../src/servermgr/launchers/launcher.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { budgetEvent, eventsOf } from '../../src/servermgr/webhooks/events.ts';
import { launchedRecord } from './support/fleet-parts.ts';

const SETTINGS = {
  env: {},
  destination: { kind: 'directory', path: '/' },
  ...{ joinTimeoutMs: 900_000, emptyTimeoutMs: 10_000, maxDurationMs: 86_400_000 },
  ...{ agentPlayers: 1, pathStyle: false, costPerHour: undefined },
} as const;

const launched = launchedRecord();
const { id } = launched.session;
const startMs = launched.requestedMs;

const READY: Observation = {
  progress: 100,
  ...{ fromStart: true, readyMs: startMs + 5_000, answeredMs: startMs + 5_000 },
  ...{ silentMs: undefined, version: '1.12.2', people: 0, told: undefined, everJoined: true },
  everybodyLeftMs: undefined,
  ...{ peopleMs: 0, peopleSinceMs: undefined },
};

const REPORT = {
  ...{
    text: 'everybody had left',
    saved: 'archive',
    exitCode: 0,
    startedMs: startMs,
    endedMs: startMs + 60_000,
  },
  ...{
    peak: 3,
    bot: undefined,
    supervisor: undefined,
    incomplete: [],
    archive: undefined,
    presentMs: undefined,
    players: undefined,
  },
};

function ended(state: Partial<SessionEnded>, changes: Partial<FleetRecord> = {}): FleetRecord {
  const end: SessionEnded = {
    ...{ phase: 'ended', atMs: startMs + 61_000, why: 'in the words of the launcher', exitCode: undefined },
    ...{ stopped: undefined, lackedCapacity: false, ...state },
  };
  return {
    ...launched,
    ...{ session: { ...launched.session, state: end }, confirmedMs: startMs + 1_000, observation: READY },
    ...{ overMs: startMs + 62_000, ...changes },
  };
}

function told(record: FleetRecord, nowMs = startMs + 63_000) {
  const events = eventsOf(record, viewOf(record, SETTINGS, nowMs), nowMs);
  return events.map(event => ({ ...event, ...JSON.parse(event.body) }));
}

const typesOf = (record: FleetRecord, nowMs?: number) => told(record, nowMs).map(({ type }) => type);
const LATER = startMs + 62_000 + 60_000;

test('a session is told of when the launcher has confirmed it, when it is ready, and when it has ended', () => {
  expect(typesOf(launched)).toEqual([]);
  expect(typesOf({ ...launched, confirmedMs: startMs + 1 })).toEqual(['session.started']);
  const [, , end] = told(ended({}, { report: REPORT }));
  expect(end).toEqual({
    id: expect.stringMatching(/^msg_[\w-]{22}$/),
    type: 'session.ended',
    session: nameOf(id),
    body: expect.any(String),
    timestamp: new Date(startMs + 60_000).toISOString(),
    data: {
      ...{ session: nameOf(id), world: 'flat_world', phase: 'ended' },
      ...{ requestedAt: new Date(startMs).toISOString(), readyAt: new Date(startMs + 5_000).toISOString() },
      ...{ endedAt: new Date(startMs + 60_000).toISOString(), durationSeconds: 60 },
      ...{ exitCode: 0, saved: 'archive', peakPeople: 3 },
    },
  });
  expect(end?.body).not.toContain(id);
  expect(end?.body).not.toContain('words of the launcher');
});

test('an event has one id, whoever tells it, and each its own', () => {
  const record = ended({}, { report: REPORT });
  const [one, other] = [told(record), told({ ...record, changedMs: 7 }, LATER)].map(list =>
    list.map(each => each.id),
  );
  expect(one).toEqual(other);
  expect(new Set(one).size).toBe(3);
});

test.each<[string, FleetRecord, string[]]>([
  ['has left no report yet', ended({ exitCode: 0 }), []],
  ['says that all is lost', ended({}, { report: { ...REPORT, saved: 'lost' } }), ['session.lost']],
  ['has left its journal', ended({}, { report: { ...REPORT, saved: 'journal' } }), ['session.ended']],
  [
    'was never ready, as its report says',
    ended({}, { report: { ...REPORT, exitCode: 10 } }),
    ['session.failed'],
  ],
  [
    'was never ready, as its exit code says',
    ended({ exitCode: 64 }, { observation: undefined }),
    ['session.failed'],
  ],
  ['was never there', ended({}, { confirmedMs: undefined, observation: undefined }), ['session.failed']],
  ['was never ready, as far as is known', ended({}, { observation: undefined }), []],
  ['lacked capacity, and is launched again', ended({ lackedCapacity: true }, { overMs: undefined }), []],
])('one that %s', (_, record, types) => {
  expect(typesOf(record).filter(type => !/started|ready/.test(type))).toEqual(types);
});

test('one that has left no report for a minute is lost, or has failed, and has ended when its report is found', () => {
  expect(typesOf(ended({ exitCode: 21 }), LATER).at(-1)).toBe('session.lost');
  expect(typesOf(ended({}, { observation: undefined }), LATER).at(-1)).toBe('session.failed');
  expect(typesOf(ended({ exitCode: 21 }, { report: REPORT }), LATER).at(-1)).toBe('session.ended');
});

test('of the budget a day is told once', () => {
  const spending = { atMost: 8.123456, budget: 10 };
  const [morning, evening, tomorrow] = ['01:00', '23:59', '24:01'].map(time =>
    budgetEvent(spending, Date.parse('2026-11-28T00:00:00Z') + 60_000 * minutes(time)),
  );
  expect(morning?.id).toBe(evening?.id);
  expect(morning?.id).not.toBe(tomorrow?.id);
  expect(JSON.parse(morning?.body ?? '')).toEqual({
    type: 'budget.warning',
    timestamp: '2026-11-28T01:00:00.000Z',
    data: { day: '2026-11-28', atMostDollars: 8.12, budgetDollars: 10 },
  });
});

function minutes(time: string): number {
  const [hours = 0, rest = 0] = time.split(':').map(Number);
  return 60 * hours + rest;
}
