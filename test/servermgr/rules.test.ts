import { expect, test } from 'vitest';
import type { SessionSettings } from '../../src/config/servermgr-config.ts';
import { type FleetRecord, newRecord } from '../../src/servermgr/database/records.ts';
import { type Observation, observe, probeTarget } from '../../src/servermgr/fleet/observation.ts';
import type { Probe } from '../../src/servermgr/fleet/probe.ts';
import { ruleFor } from '../../src/servermgr/fleet/rules.ts';
import { viewOf } from '../../src/servermgr/fleet/view.ts';
import type { Session, SessionRunning } from '../../src/servermgr/launchers/launcher.ts';
import { newId, requestedAtMs } from '../../src/servermgr/session-id.ts';
import { waitView } from '../../src/servermgr/web/pages/wait-view.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const MINUTE = 60_000;
const limits = { launchTimeoutMs: 5 * MINUTE, maxAgeMs: 12 * 60 * MINUTE };
const address = { host: '1.2.3.4', port: 25_565 };
const runningState: SessionRunning = {
  ...{ phase: 'running', address, pingAddress: address },
  ...{ dashboard: undefined, sinceMs: undefined },
};
const settings: SessionSettings = {
  env: {},
  destination: { kind: 'directory', path: '/tmp' },
  ...{ joinTimeoutMs: 15 * MINUTE, emptyTimeoutMs: 10_000, maxDurationMs: 24 * 60 * MINUTE },
  ...{ agentPlayers: 1, pathStyle: false, costPerHour: undefined },
};

function session(ageMs: number, changes: Partial<Session> = {}): Session {
  const id = newId(NOW - ageMs);
  return {
    ...{ id, idempotencyKey: id, visitorHash: id, world: 'flat_world', attempt: 1, where: '' },
    ...{ state: runningState, costPerHour: undefined },
    ...changes,
  };
}

function answers(online: number, dashboard?: boolean): Probe {
  const status = { version: 'Cuberite 1.12.2', protocol: 340, online, max: 20, names: [], latencyMs: 1 };
  return { port: 'open', status, dashboard };
}

/** What an instance has observed after these samples. */
function observed(
  one: Session,
  launchedHere: boolean,
  ...samples: { atMs: number; probe: Probe }[]
): Observation {
  let observation: Observation | undefined;
  for (const sample of samples)
    observation = observe(observation, { session: one, ...sample, agentPlayers: 1, launchedHere });
  if (observation === undefined) throw new Error('there are no samples');
  return observation;
}

const closed: Probe = { port: 'closed' };

/** The rule for a session, in words. */
function rule(
  one: Session,
  observation: Observation | undefined,
  { isFresh = true, ...known }: Partial<FleetRecord> & { isFresh?: boolean } = {},
): string | undefined {
  const requestedMs = requestedAtMs(one.id) ?? 0;
  const record = newRecord(one, { requestedMs, confirmedMs: requestedMs, observation, ...known });
  const action = ruleFor(record, limits, NOW, isFresh);
  return action && ('why' in action ? `${action.do} ${action.why}` : action.do);
}

test('a launch that was followed from its start and never answered is stopped; before its time it is not', () => {
  const [late, early] = [session(6 * MINUTE), session(4 * MINUTE)];
  const rules = [late, early].map(one => rule(one, observed(one, true, { atMs: NOW, probe: closed })));
  expect(rules).toEqual(['stop never-ready', undefined]);
});

test('a silent session that was there before this instance is left alone: it may be saving', () => {
  const one = session(60 * MINUTE);
  expect(rule(one, observed(one, false, { atMs: NOW, probe: closed }))).toBeUndefined();
});

test('a session that was ready once and is silent now is left alone as well', () => {
  const one = session(60 * MINUTE);
  const samples = [
    { atMs: NOW - 50 * MINUTE, probe: answers(1) },
    { atMs: NOW, probe: closed },
  ];
  expect(rule(one, observed(one, true, ...samples))).toBeUndefined();
});

test('a game that answers is not ready without its dashboard; people who play are left alone all the same', () => {
  const one = session(6 * MINUTE);
  const look = (launchedHere: boolean, online: number) => {
    const observation = observed(one, launchedHere, { atMs: NOW, probe: answers(online, false) });
    const { phase, progress, people } = viewOf(
      { session: one, observation, report: undefined },
      settings,
      NOW,
    );
    return { phase, progress, people, action: rule(one, observation) };
  };
  const stop = 'stop never-ready';
  expect(look(true, 1)).toEqual({ phase: 'starting', progress: 95, people: 0, action: stop });
  expect(look(true, 2)).toEqual({ phase: 'ready', progress: 100, people: 1, action: undefined });
  // Of one that was found nobody knows whether it has answered before.
  expect(look(false, 1)).toMatchObject({ phase: 'starting', action: undefined });
  expect(look(false, 3)).toMatchObject({ phase: 'ready', people: 2, action: undefined });
});

test('of nobody the page says whether somebody was there', () => {
  const one = session(MINUTE);
  const peopleAfter = (...online: number[]) => {
    const samples = online.map((count, index) => ({ atMs: NOW + index, probe: answers(count) }));
    const observation = observed(one, true, ...samples);
    return waitView(viewOf({ session: one, observation, report: undefined }, settings, NOW)).people;
  };
  expect(peopleAfter(1)).toBe('nobody yet');
  expect(peopleAfter(1, 2)).toBe('about 1 person');
  expect(peopleAfter(1, 2, 1)).toBe('nobody any more');
});

test('a dashboard is asked until the session is ready', () => {
  const at = { host: '1.2.3.4', port: 80 };
  const state = { ...runningState, dashboard: { address: at, probeAddress: at } };
  const one = session(MINUTE, { state });
  const waiting = observed(one, true, { atMs: NOW, probe: answers(1, false) });
  const ready = observed(one, true, { atMs: NOW, probe: answers(1, true) });
  expect([undefined, waiting, ready].map(seen => probeTarget(state, seen).dashboard)).toEqual([
    at,
    at,
    undefined,
  ]);
});

test('the countdown begins when the game answers, however late the dashboard does', () => {
  const one = session(5 * MINUTE);
  const samples = [
    { atMs: NOW - MINUTE, probe: answers(1, false) },
    { atMs: NOW, probe: answers(1, true) },
  ];
  const observation = observed(one, true, ...samples);
  const view = viewOf({ session: one, observation, report: undefined }, settings, NOW);
  expect(view).toMatchObject({ readyMs: NOW, wait: { for: 'somebody to join', untilMs: NOW + 14 * MINUTE } });
});

test('a task that is still being provisioned after its time is stopped, whoever has seen it', () => {
  for (const phase of ['requested', 'provisioned'] as const) {
    const one = session(6 * MINUTE, { state: { phase } });
    expect(rule(one, undefined)).toBe('stop never-ready');
  }
});

test('a session that is too old is stopped, people in it or not, when the launcher has just told of it', () => {
  const one = session(13 * 60 * MINUTE);
  const playing = observed(one, true, { atMs: NOW, probe: answers(2) });
  expect([rule(one, playing), rule(one, undefined)]).toEqual(['stop too-old', 'stop too-old']);
  expect(rule(one, playing, { isFresh: false })).toBeUndefined();
  expect(rule(session(11 * 60 * MINUTE), playing)).toBeUndefined();
});

test('whoever was asked to end is asked until it is gone, whether or not the launcher answers', () => {
  const one = session(MINUTE);
  const stop = { why: 'visitor', atMs: NOW } as const;
  for (const isFresh of [true, false])
    expect(rule(one, undefined, { stop, isFresh })).toBe('pursue-stop visitor');
  const state = { phase: 'ending', stopped: 'visitor' } as const;
  expect(rule({ ...one, state }, undefined, { stop })).toBe('pursue-stop visitor');
});

test('a launch of which nothing is known is repeated, until it is stopped', () => {
  const one = session(11_000, { state: { phase: 'requested' } });
  expect(rule(one, undefined, { confirmedMs: undefined })).toBe('repeat-launch');
  expect(rule(session(9_000), undefined, { confirmedMs: undefined })).toBeUndefined();
  const old = session(6 * MINUTE, { state: { phase: 'requested' } });
  expect(rule(old, undefined, { confirmedMs: undefined })).toBe('stop never-ready');
});

test('what lacked capacity is tried again, three times in all, and not when somebody has stopped it', () => {
  const state = {
    phase: 'ended',
    atMs: NOW,
    why: 'no capacity',
    exitCode: undefined,
    lackedCapacity: true,
  } as const;
  const one = session(1_000, { state: { ...state, stopped: undefined } });
  expect(rule(one, undefined)).toBe('relaunch');
  expect(rule({ ...one, attempt: 3 }, undefined)).toBeUndefined();
  expect(rule({ ...one, state: { ...state, stopped: 'visitor' } }, undefined)).toBeUndefined();
});

test('the countdown begins when the server answers, follows who comes and goes, and says nothing that it cannot know', () => {
  const one = session(5 * MINUTE);
  const view = (observation: Observation, at = NOW) =>
    viewOf({ session: one, observation, report: undefined }, settings, at).wait;
  const alone = observed(
    one,
    true,
    { atMs: NOW - MINUTE, probe: answers(1) },
    { atMs: NOW, probe: answers(1) },
  );
  expect(view(alone)).toEqual({ for: 'somebody to join', untilMs: NOW + 14 * MINUTE });
  const together = observe(alone, {
    session: one,
    probe: answers(3),
    atMs: NOW,
    agentPlayers: 1,
    launchedHere: true,
  });
  expect(together.people).toBe(2);
  expect(view(together)).toBeUndefined();
  const left = observe(together, {
    session: one,
    probe: answers(1),
    atMs: NOW + 1_000,
    agentPlayers: 1,
    launchedHere: true,
  });
  expect(view(left, NOW + 1_000)).toEqual({ for: 'somebody to come back', untilMs: NOW + 11_000 });
  // After a restart nobody knows whether somebody has been there.
  expect(view(observed(one, false, { atMs: NOW, probe: answers(1) }))).toBeUndefined();
});

test('who takes part is known as soon as the session has told, without another look at its server', () => {
  const one = session(5 * MINUTE);
  const alone = observed(one, true, { atMs: NOW, probe: answers(1) });
  const facts = { session: one, probe: undefined, agentPlayers: 1, launchedHere: true };
  const told = { present: 2, dashboard: 1, peak: 2 };
  const together = observe(alone, { ...facts, atMs: NOW + 1_000, told });
  expect(together).toMatchObject({ people: 2, told, everJoined: true });
  // What it has not told changes nothing.
  expect(observe(together, { ...facts, atMs: NOW + 2_000 })).toEqual(together);
});

test('a server that was ready and is silent is on its way out; a short silence is none', () => {
  const one = session(5 * MINUTE);
  const observation = observed(
    one,
    true,
    { atMs: NOW, probe: answers(1) },
    { atMs: NOW + 2_000, probe: closed },
  );
  const phaseAt = (ms: number) =>
    viewOf({ session: one, observation, report: undefined }, settings, NOW + ms).phase;
  expect([phaseAt(2_000), phaseAt(20_000)]).toEqual(['ready', 'ending']);
});

test('progress never goes back', () => {
  const one = session(1_000);
  const open: Probe = { port: 'open', status: undefined };
  const observation = observed(one, true, { atMs: NOW, probe: open }, { atMs: NOW, probe: closed });
  expect(viewOf({ session: one, observation, report: undefined }, settings, NOW).progress).toBe(90);
  const ended = { ...one, state: { phase: 'ended', atMs: NOW, why: 'gone', exitCode: 1 } } as const;
  const state = { ...ended.state, stopped: undefined, lackedCapacity: false };
  expect(viewOf({ session: { ...one, state }, observation, report: undefined }, settings, NOW)).toMatchObject(
    {
      progress: 90,
      phase: 'failed',
    },
  );
});
