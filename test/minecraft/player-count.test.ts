import { describe, expect, test } from 'vitest';
import {
  applySample,
  emptyPresence,
  type IdleLimit,
  type IdleLimits,
  limitReached,
  type Presence,
  type StatusSample,
} from '../../src/minecraft/player-count.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const limits: IdleLimits = {
  agentPlayers: 1,
  joinTimeoutMs: 30 * SECOND,
  emptyTimeoutMs: 10 * SECOND,
  livenessTimeoutMs: 2 * MINUTE,
};

describe('people', () => {
  test('are the players online without the agent, never fewer than none', () => {
    expect(watched([0, 1, 2, 3, 3]).now).toBe(2);
    expect(watched([0]).now).toBe(0);
    expect(watched([2, 2], { ...limits, agentPlayers: 0 }).now).toBe(2);
  });

  test('are counted: how many at most, when first, when the last one left, and for how long', () => {
    expect(watched([1, 1, 2, 3, 3, 3, 2, 1, 1])).toMatchObject({
      now: 0,
      peak: 2,
      firstJoinedMs: 4 * SECOND,
      everybodyLeftMs: 8 * SECOND,
      personMs: (1 + 2 + 2 + 1) * SECOND,
      presentMs: 4 * SECOND,
      changes: [
        { kind: 'joined', count: 1, atMs: 4 * SECOND },
        { kind: 'joined', count: 1, atMs: 5 * SECOND },
        { kind: 'left', count: 1, atMs: 7 * SECOND },
        { kind: 'left', count: 1, atMs: 8 * SECOND },
      ],
    });
  });

  test('who come or go together are one change', () => {
    expect(watched([1, 4, 4, 2]).changes).toEqual([
      { kind: 'joined', count: 3, atMs: 3 * SECOND },
      { kind: 'left', count: 2, atMs: 4 * SECOND },
    ]);
  });

  test('neither join nor leave while the server does not answer', () => {
    const people = watched([2, 2, 'fault', 'fault', 2]);
    expect(people).toMatchObject({ now: 1, everybodyLeftMs: undefined, changes: [{ kind: 'joined' }] });
    expect(watched([2, 2, 'fault'])).toMatchObject({ now: 1, unanswered: { pings: 1, fault: 'refused' } });
  });

  test('come and go for ever without filling the memory: the latest thousand changes are kept', () => {
    const people = watched(Array.from({ length: 3_751 }, (_, second) => (second % 3 === 0 ? 1 : 2)));
    expect(people.changes).toHaveLength(1_000);
    expect(people.changesForgotten).toBe(1_500);
    expect(people.changes.at(-1)).toEqual({ kind: 'left', count: 1, atMs: 3_751 * SECOND });
  });
});

describe('people, by their connections', () => {
  /** Second by second: who is online, and how many connections the agent, and others have. */
  function connected(...looks: (readonly [online: number, own: number, others: number])[]): StatusSample[] {
    return looks.map(([online, own, others], i) => ({
      atMs: (i + 1) * SECOND,
      online,
      connected: { own, others, lasting: Math.min(others, looks[i - 1]?.[2] ?? 0) },
    }));
  }
  const count = (...looks: Parameters<typeof connected>) =>
    connected(...looks).reduce(looked(limits), emptyPresence).now;

  test.for([
    ['is one who plays while the agent has dropped out of the game', [1, 0, 1], 1],
    ['is one who plays while the agent comes back', [1, 1, 1], 1],
    ['is one who plays beside the agent', [2, 1, 1], 1],
    ['is nobody while the agent alone is in the game', [1, 1, 0], 0],
    [
      'is nobody while the agent and a connection that never joins are there, as far as names do not tell',
      [0, 1, 1],
      0,
    ],
    ['are all who play beside two connections of the agent', [4, 2, 2], 2],
    ['are as many as there are beyond the agents where a proxy has their connections', [3, 0, 1], 2],
  ] as const)('%s', ([, look, people]) => {
    expect(count(look, look, look)).toBe(people);
  });

  test('are known to be estimated for as long as connections do not tell', () => {
    const proxied = connected(...Array.from({ length: 12 }, () => [3, 0, 1] as const));
    expect(proxied.reduce(looked(limits), emptyPresence).estimatedMs).toBe(12 * SECOND);
    const told = { atMs: 13 * SECOND, online: 1, connected: { own: 1, others: 0, lasting: 0 } };
    expect([...proxied, told].reduce(looked(limits), emptyPresence).estimatedMs).toBe(0);
  });

  test('count from the second look at the same connection on', () => {
    expect(count([1, 1, 0], [2, 1, 1])).toBe(0);
    expect(count([1, 1, 0], [2, 1, 1], [2, 1, 1])).toBe(1);
    const passing = { own: 1, others: 1, lasting: 0 };
    const pings = Array.from({ length: 60 }, (_, i) => ({
      atMs: (i + 1) * SECOND,
      online: 1,
      connected: passing,
    }));
    expect(pings.reduce(looked(limits), emptyPresence)).toMatchObject({ now: 0, firstJoinedMs: undefined });
  });

  test('are not thrown out while one of them is there, whatever the agent does', () => {
    const agents = Array.from({ length: 120 }, (_, i) => [i % 3 === 0 ? 2 : 1, i % 2, 1] as const);
    expect(firstLimit(connected(...agents), limits)).toBeUndefined();
  });
});

describe('a server that does not tell how many are online', () => {
  const untold = Array.from({ length: 300 }, (_, i) => ({ atMs: (i + 3) * SECOND, online: undefined }));

  test('ends nothing, and is not silent', () => {
    expect(firstLimit([...seen([1, 1]), ...untold], limits)).toBeUndefined();
    expect(firstLimit([...seen([2, 2]), ...untold], limits)).toBeUndefined();
  });

  test('is known to be unknown until it tells again', () => {
    const unknown = [...seen([2, 2]), ...untold].reduce(looked(limits), emptyPresence);
    expect(unknown).toMatchObject({ now: 1, isUnknown: true, everybodyLeftMs: undefined });
    const told = { atMs: 400 * SECOND, online: 1 };
    expect(looked(limits)(unknown, told)).toMatchObject({ now: 0, isUnknown: false });
  });
});

describe('nobody joined', () => {
  test('is the end when no person has come for so long after the agent started', () => {
    expect(endOf(Array(40).fill(1))).toEqual({ limit: 'nobody-joined', atMs: 30 * SECOND });
  });

  test('is not the end without a time limit', () => {
    expect(endOf(Array(4_000).fill(1), { ...limits, joinTimeoutMs: undefined })).toBeUndefined();
  });

  test('is not the end when a person came in time, for two looks at least', () => {
    const visit = [...Array(27).fill(1), 2, 2, ...Array(5).fill(1)];
    expect(endOf(visit)).toBeUndefined();
  });

  test('is the end, and not that everybody left, when somebody was seen but once', () => {
    const scanned = [...Array(10).fill(1), 2, ...Array(30).fill(1)];
    expect(endOf(scanned)).toEqual({ limit: 'nobody-joined', atMs: 30 * SECOND });
  });

  test('is not the end when a person comes in the last moment', () => {
    expect(endOf([...Array(29).fill(1), 2, 2, 2])).toBeUndefined();
  });

  test('is never concluded from pings that fail', () => {
    expect(endOf([1, ...Array(60).fill('fault')])).toBeUndefined();
  });
});

describe('everybody left', () => {
  test('is the end when the last person has been gone for so long', () => {
    expect(endOf([1, 2, 2, ...Array(20).fill(1)])).toEqual({ limit: 'everybody-left', atMs: 14 * SECOND });
  });

  test('is not the end while one person stays', () => {
    expect(endOf([3, ...Array(60).fill(2)])).toBeUndefined();
  });

  test('is not the end when a person comes back: the time starts anew', () => {
    const back = [2, 2, ...Array(9).fill(1), 2, 2, ...Array(20).fill(1)];
    expect(endOf(back)).toEqual({ limit: 'everybody-left', atMs: 24 * SECOND });
  });

  test('is not the end without a time limit', () => {
    expect(endOf([2, 2, ...Array(4_000).fill(1)], { ...limits, emptyTimeoutMs: undefined })).toBeUndefined();
  });

  test('is never concluded from pings that fail, and their time is not time that people had to return', () => {
    expect(endOf([2, 2, 1, ...Array(60).fill('fault')])).toBeUndefined();
    const later = [2, 2, 1, ...Array(60).fill('fault'), ...Array(20).fill(1)];
    expect(endOf(later)).toEqual({ limit: 'everybody-left', atMs: 73 * SECOND });
  });

  test('is still concluded when every other ping fails', () => {
    const flaky = Array.from({ length: 40 }, (_, second) => (second % 2 === 0 ? 1 : 'fault'));
    expect(endOf([2, 2, ...flaky])).toMatchObject({ limit: 'everybody-left' });
  });
});

describe('a hung server', () => {
  test('is one that has left every ping unanswered for so long', () => {
    expect(endOf([2, ...Array(200).fill('fault')])).toEqual({ limit: 'server-hung', atMs: 121 * SECOND });
  });

  test('is not one that answers now and then', () => {
    const seldom = Array.from({ length: 1_000 }, (_, second) => (second % 100 === 0 ? 2 : 'fault'));
    expect(endOf(seldom)).toBeUndefined();
  });

  test('is not concluded when the one who looks was stopped or asleep', () => {
    const awake = seen([2, 2]);
    const woken: StatusSample[] = [
      { atMs: 60 * MINUTE, fault: 'no answer within 5000 ms' },
      { atMs: 60 * MINUTE + SECOND, online: 2 },
    ];
    expect(firstLimit([...awake, ...woken], limits)).toBeUndefined();
    const strict = { ...limits, livenessTimeoutMs: SECOND };
    expect(firstLimit([...awake, ...woken], strict)).toBeUndefined();
  });

  test('is concluded after a sleep too, when it then stays silent', () => {
    const silent = Array.from({ length: 200 }, (_, second) => ({
      atMs: 60 * MINUTE + second * SECOND,
      fault: 'refused',
    }));
    expect(firstLimit([...seen([2, 2]), ...silent], limits)).toEqual({
      limit: 'server-hung',
      atMs: 60 * MINUTE + 110 * SECOND,
    });
  });
});

test('a sleep of the one who looks counts neither as presence nor as absence', () => {
  const slept: StatusSample[] = [...seen([2, 2, 1]), { atMs: 60 * MINUTE, online: 1 }];
  expect(firstLimit(slept, { ...limits, emptyTimeoutMs: MINUTE })).toBeUndefined();
  const present = [...seen([2, 2, 2]), { atMs: 60 * MINUTE, online: 2 }].reduce(
    looked(limits),
    emptyPresence,
  );
  expect(present.personMs).toBe(11 * SECOND);
});

/** What is seen, second by second, from the first second on. */
function seen(counts: readonly (number | string)[]): StatusSample[] {
  return counts.map((online, index) => {
    const atMs = (index + 1) * SECOND;
    return typeof online === 'number' ? { atMs, online } : { atMs, fault: 'refused' };
  });
}

function watched(counts: readonly (number | string)[], by = limits): Presence {
  return seen(counts).reduce(looked(by), emptyPresence);
}

function looked(by: IdleLimits) {
  return (people: Presence, observation: StatusSample) => applySample(people, observation, by);
}

function endOf(counts: readonly (number | string)[], by = limits) {
  return firstLimit(seen(counts), by);
}

function firstLimit(
  observations: readonly StatusSample[],
  by: IdleLimits,
): { limit: IdleLimit; atMs: number } | undefined {
  let people = emptyPresence;
  for (const observation of observations) {
    people = applySample(people, observation, by);
    const limit = limitReached(people, by);
    if (limit) return { limit, atMs: observation.atMs };
  }
  return undefined;
}
