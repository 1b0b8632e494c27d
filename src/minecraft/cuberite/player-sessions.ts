import type { ServerEvent } from './server-log.ts';

/** Who was in the game and when, by name. Personal data: only in the report where names are configured. */
export type PlayerSessions = ReadonlyMap<string, readonly PlayerSession[]>;

export interface PlayerSession {
  readonly joinedMs: number;
  /** undefined: still in the game. */
  readonly leftMs: number | undefined;
}

/** Limits what is kept of a long session; beyond them the player's last session is extended by later ones. */
const MAX_NAMES = 1_000;
const MAX_SESSIONS = 100;

export const NO_PLAYERS: PlayerSessions = new Map();

/** The player sessions after an event. @param atMs when it was logged, in milliseconds since the epoch */
export function applyLogEvent(players: PlayerSessions, event: ServerEvent, atMs: number): PlayerSessions {
  switch (event.kind) {
    case 'joined':
      return join(players, event.name, atMs);
    case 'left':
      return leave(players, event.name, atMs);
    case 'plugin-exit':
      return players;
    default:
      return event satisfies never;
  }
}

/** The player sessions after the server's exit, which ends all of them. */
export function endAll(players: PlayerSessions, atMs: number): PlayerSessions {
  return new Map(
    Array.from(players, ([name, sessions]) => [
      name,
      sessions.map(session => (session.leftMs === undefined ? { ...session, leftMs: atMs } : session)),
    ]),
  );
}

function join(players: PlayerSessions, name: string, atMs: number): PlayerSessions {
  const sessions = players.get(name) ?? [];
  const last = sessions.at(-1);
  const isOnline = last !== undefined && last.leftMs === undefined;
  const isFull = sessions.length === 0 ? players.size >= MAX_NAMES : sessions.length >= MAX_SESSIONS;
  return isOnline || isFull
    ? players
    : new Map(players).set(name, [...sessions, { joinedMs: atMs, leftMs: undefined }]);
}

/** Of two departures in a row the later one counts: the session had not ended by the first. */
function leave(players: PlayerSessions, name: string, atMs: number): PlayerSessions {
  const sessions = players.get(name) ?? [];
  const last = sessions.at(-1);
  return last === undefined
    ? players
    : new Map(players).set(name, [...sessions.slice(0, -1), { ...last, leftMs: atMs }]);
}
