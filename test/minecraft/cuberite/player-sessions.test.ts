import { expect, test } from 'vitest';
import {
  applyLogEvent,
  endAll,
  NO_PLAYERS,
  type PlayerSessions,
} from '../../../src/minecraft/cuberite/player-sessions.ts';
import type { ServerEvent } from '../../../src/minecraft/cuberite/server-log.ts';

test('everybody is known with the times of coming and going', () => {
  const roster = follow([joined('Ann'), joined('Bob'), left('Ann'), joined('Ann')]);
  expect(plain(roster)).toEqual({
    Ann: [
      { joinedMs: 0, leftMs: 2 },
      { joinedMs: 3, leftMs: undefined },
    ],
    Bob: [{ joinedMs: 1, leftMs: undefined }],
  });
});

test("with the server's end everybody is gone, who was there", () => {
  const roster = follow([joined('Ann'), left('Ann'), joined('Bob')]);
  expect(plain(endAll(roster, 9))).toEqual({
    Ann: [{ joinedMs: 0, leftMs: 1 }],
    Bob: [{ joinedMs: 2, leftMs: 9 }],
  });
});

test('whoever joins twice was there, and whoever leaves twice left the second time', () => {
  const roster = follow([joined('Ann'), joined('Ann'), left('Ann'), left('Ann')]);
  expect(plain(roster)).toEqual({ Ann: [{ joinedMs: 0, leftMs: 3 }] });
});

test('whoever was never there cannot leave, and a plug-in is nobody', () => {
  expect(follow([left('Ann'), { kind: 'plugin-exit', plugin: 'shutdown_on_leave' }])).toEqual(NO_PLAYERS);
});

test('a roster is not changed by what comes later', () => {
  const before = follow([joined('Ann')]);
  applyLogEvent(before, left('Ann'), 5);
  expect(plain(before)).toEqual({ Ann: [{ joinedMs: 0, leftMs: undefined }] });
});

test('a flood of names, or of visits, is kept within bounds', () => {
  const crowd = follow(Array.from({ length: 1_100 }, (_, index) => joined(`bot${index}`)));
  expect(crowd.size).toBe(1_000);
  const restless = follow(Array.from({ length: 500 }, (_, i) => (i % 2 ? left('Ann') : joined('Ann'))));
  expect(restless.get('Ann')).toHaveLength(100);
  expect(restless.get('Ann')?.at(-1)).toEqual({ joinedMs: 198, leftMs: 499 });
});

/** What a roster is after events that are a millisecond apart. */
function follow(events: readonly ServerEvent[]): PlayerSessions {
  return events.reduce(applyLogEvent, NO_PLAYERS);
}

function joined(name: string): ServerEvent {
  return { kind: 'joined', name };
}

function left(name: string): ServerEvent {
  return { kind: 'left', name };
}

function plain(roster: PlayerSessions): Record<string, unknown> {
  return Object.fromEntries(roster);
}
