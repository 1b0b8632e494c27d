import type { ServerEvent } from './server-log.ts';

/** Who was in the game, by name, and when. Personal data: for the report only where it asks for names. */
export type Roster = ReadonlyMap<string, readonly Stay[]>;

export interface Stay {
  readonly joinedMs: number;
  /** undefined: still there. */
  readonly leftMs: number | undefined;
}

/** Bounds on what a session of any length keeps; a person's last stay takes in those that follow. */
const MOST_NAMES = 1_000;
const MOST_STAYS = 100;

export const NOBODY: Roster = new Map();

/** The roster after an event that was seen at a time (epoch milliseconds). */
export function noteEvent(roster: Roster, event: ServerEvent, atMs: number): Roster {
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
export function closeRoster(roster: Roster, atMs: number): Roster {
  return new Map(
    Array.from(roster, ([name, stays]) => [
      name,
      stays.map(stay => (stay.leftMs === undefined ? { ...stay, leftMs: atMs } : stay)),
    ]),
  );
}

function join(roster: Roster, name: string, atMs: number): Roster {
  const stays = roster.get(name) ?? [];
  const last = stays.at(-1);
  const isThere = last !== undefined && last.leftMs === undefined;
  const isFull = stays.length === 0 ? roster.size >= MOST_NAMES : stays.length >= MOST_STAYS;
  return isThere || isFull
    ? roster
    : new Map(roster).set(name, [...stays, { joinedMs: atMs, leftMs: undefined }]);
}

/** Nobody leaves twice: when it says so, the earlier time was not true. */
function leave(roster: Roster, name: string, atMs: number): Roster {
  const stays = roster.get(name) ?? [];
  const last = stays.at(-1);
  return last === undefined
    ? roster
    : new Map(roster).set(name, [...stays.slice(0, -1), { ...last, leftMs: atMs }]);
}
