import { describe, expect, test } from 'vitest';
import {
  applySample,
  emptyPresence,
  type IdleLimit,
  type IdleLimits,
  limitReached,
  type Presence,
} from '../../src/minecraft/player-count.ts';
import { applyLook, countVisits, noVisits } from '../../src/minecraft/visits.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const limits: IdleLimits = {
  agentPlayers: 1,
  joinTimeoutMs: 15 * MINUTE,
  emptyTimeoutMs: 10 * SECOND,
  livenessTimeoutMs: 2 * MINUTE,
};

const times = (count: number, ...addresses: string[]) => Array<string[]>(count).fill(addresses);

/** Second by second, who holds a connection to the dashboard; the agent is alone in the game all the time. */
function watch(looks: readonly string[][]) {
  let people: Presence = emptyPresence;
  let visits = noVisits;
  let end: { limit: IdleLimit; atMs: number } | undefined;
  for (const [index, addresses] of looks.entries()) {
    const atMs = (index + 1) * SECOND;
    visits = applyLook(visits, new Set(addresses), { stepMs: SECOND, atMs });
    const connected = { own: 1, others: 0, lasting: 0 };
    people = applySample(people, { atMs, online: 1, connected, visits }, limits);
    const limit = limitReached(people, limits);
    if (limit !== undefined) end ??= { limit, atMs };
  }
  return { people, end, count: countVisits(visits, looks.length * SECOND) };
}

describe('whoever is at the dashboard', () => {
  test('takes part from the thirtieth second on', () => {
    expect(watch(times(29, 'a')).count).toEqual({ now: 0, seen: 1 });
    expect(watch(times(30, 'a')).count).toEqual({ now: 1, seen: 1 });
    expect(watch(times(30, 'a', 'b')).people).toMatchObject({ now: 2, dashboard: 2, peak: 2 });
  });

  test('is not sent away while the page is open, for twenty minutes', () => {
    expect(watch([...times(60), ...times(1_200, 'a')]).end).toBeUndefined();
  });

  test('has left when the last connection closed, and the empty limit begins then', () => {
    const { end } = watch([...times(60, 'a'), ...times(30)]);
    expect(end).toEqual({ limit: 'everybody-left', atMs: 71 * SECOND });
  });

  test('is the same visitor after ten seconds without a connection', () => {
    expect(watch([...times(60, 'a'), ...times(9), ...times(1, 'a')]).count.now).toBe(1);
    expect(watch([...times(60, 'a'), ...times(10), ...times(1, 'a')]).count).toEqual({ now: 0, seen: 1 });
  });

  test('is nobody who has come when the visit was shorter, so that no empty limit begins', () => {
    const { people, end } = watch([...times(29, 'scanner'), ...times(600)]);
    expect(people.firstJoinedMs).toBeUndefined();
    expect(end).toBeUndefined();
  });

  test('is not sent away in the first seconds because nobody had joined in time', () => {
    const { end } = watch([...times(890), ...times(100, 'a')]);
    expect(end).toBeUndefined();
  });
});
