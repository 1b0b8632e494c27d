import type { ServerEvent } from './server-log.ts';

/** Who was in the game, by name, and when. Personal data: for the report only where it asks for names. */
export type PlayerSessions = ReadonlyMap<string, readonly PlayerSession[]>;

export interface PlayerSession {
  readonly joinedMs: number;
  /** undefined: still there. */
  readonly leftMs: number | undefined;
}

/** Bounds on what a session of any length keeps; a person's last stay takes in those that follow. */
const MAX_NAMES = 1_000;
const MAX_SESSIONS = 100;

export const NO_PLAYERS: PlayerSessions = new Map();

/** The roster after an event that was seen at a time (epoch milliseconds). */
export function applyLogEvent(roster: PlayerSessions, event: ServerEvent, atMs: number): PlayerSessions {
  switch (event.kind) {
    case 'joined':
      return join(roster, event.name, atMs);
    case 'left':
      return leave(roster, event.name, atMs);
    case 'plugin-exit':
      return roster;
    default:
      return event satisfies never;
  }
}

/** The roster after the server's end: nobody is there any more. */
export function endAll(roster: PlayerSessions, atMs: number): PlayerSessions {
  return new Map(
    Array.from(roster, ([name, stays]) => [
      name,
      stays.map(stay => (stay.leftMs === undefined ? { ...stay, leftMs: atMs } : stay)),
    ]),
  );
}

function join(roster: PlayerSessions, name: string, atMs: number): PlayerSessions {
  const stays = roster.get(name) ?? [];
  const last = stays.at(-1);
  const isThere = last !== undefined && last.leftMs === undefined;
  const isFull = stays.length === 0 ? roster.size >= MAX_NAMES : stays.length >= MAX_SESSIONS;
  return isThere || isFull
    ? roster
    : new Map(roster).set(name, [...stays, { joinedMs: atMs, leftMs: undefined }]);
}

/** Nobody leaves twice: when it says so, the earlier time was not true. */
function leave(roster: PlayerSessions, name: string, atMs: number): PlayerSessions {
  const stays = roster.get(name) ?? [];
  const last = stays.at(-1);
  return last === undefined
    ? roster
    : new Map(roster).set(name, [...stays.slice(0, -1), { ...last, leftMs: atMs }]);
}
