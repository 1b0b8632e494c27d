import { countVisits, noVisits, type Visits } from './visits.ts';

/** The outcome of one ping: how many players were online, if that was told, or why there was no answer. */
export type StatusSample =
  /** `atMs`: since monitoring began, which is when the agent started. */
  { readonly atMs: number } & (
    | {
        readonly online: number | undefined;
        readonly connected?: Connected | undefined;
        readonly visits?: Visits;
      }
    | { readonly fault: string }
  );

/** Connections to the game's port, as the machine's own tables list them. */
export interface Connected {
  /** Of the session's own processes. */
  readonly own: number;
  /** Of everybody else: of people, and for a moment of whoever pings or scans. */
  readonly others: number;
  /** Those of `others` that were there at the look before as well. */
  readonly lasting: number;
}

export interface IdleLimits {
  /** How many of the players online are the agent's. */
  readonly agentPlayers: number;
  /** Time within which the first person must have joined; undefined: no limit. */
  readonly joinTimeoutMs: number | undefined;
  /** How long the server may be without any person after one had joined; undefined: no limit. */
  readonly emptyTimeoutMs: number | undefined;
  /** How long the server may leave every ping unanswered. */
  readonly livenessTimeoutMs: number;
}

export type IdleLimit = 'nobody-joined' | 'everybody-left' | 'server-hung';

/** What is known about the people on the server. Times are milliseconds since monitoring began. */
export interface Presence {
  /** As of the last answer: while the server does not answer, nobody counts as joining or leaving. */
  readonly now: number;
  /** Those of `now` who are at the dashboard; who is there and in the game counts twice. */
  readonly dashboard: number;
  /** Whether the agent is in the game; undefined: connections do not tell. */
  readonly agentInGame: boolean | undefined;
  /** How many the last look showed in the game: who is seen once may have been a scanner, and counts when seen twice. */
  readonly gameSeen: number;
  /** Likewise, with those who have only just come to the dashboard: nothing ends while there is anybody. */
  readonly seen: number;
  /** For how long connections have not told who is online: people are estimated by the number of the agent's players. */
  readonly estimatedMs: number;
  /** Answers do not tell how many there are: nobody counts as joining or leaving. */
  readonly isUnknown: boolean;
  readonly peak: number;
  readonly dashboardPeak: number;
  readonly firstJoinedMs: number | undefined;
  /** When the last person was found to have left; undefined while anybody is online, and before anybody was. */
  readonly everybodyLeftMs: number | undefined;
  /** The sum over all people: two people for a minute make two minutes. */
  readonly personMs: number;
  /** For how long there was at least one: two people for a minute make one minute. */
  readonly presentMs: number;
  /** The latest 1,000 changes, the oldest first. */
  readonly changes: readonly Change[];
  readonly changesForgotten: number;
  /** For how long answers have shown nobody online: since monitoring began, or since everybody left. */
  readonly emptyMs: number;
  readonly unanswered: Unanswered | undefined;
  readonly sampledMs: number;
}

export interface Change {
  readonly kind: 'joined' | 'left';
  readonly count: number;
  readonly atMs: number;
}

/** The pings since the last answer. */
export interface Unanswered {
  readonly pings: number;
  readonly ms: number;
  readonly fault: string;
}

export const emptyPresence: Presence = {
  now: 0,
  dashboard: 0,
  agentInGame: undefined,
  gameSeen: 0,
  seen: 0,
  estimatedMs: 0,
  isUnknown: false,
  peak: 0,
  dashboardPeak: 0,
  firstJoinedMs: undefined,
  everybodyLeftMs: undefined,
  personMs: 0,
  presentMs: 0,
  changes: [],
  changesForgotten: 0,
  emptyMs: 0,
  unanswered: undefined,
  sampledMs: 0,
};

/** Such as `2 persons online, 1 at the dashboard; the agent is in the game`. */
export function describePeople({ now, dashboard, isUnknown, agentInGame }: Presence): string {
  const where = dashboard > 0 ? `, ${dashboard} at the dashboard` : '';
  const people = isUnknown
    ? 'the server does not tell how many players are online'
    : `${now} ${now === 1 ? 'person' : 'persons'} online${where}`;
  return agentInGame === undefined ? people : `${people}; ${describeAgent(agentInGame)}`;
}

/** A clause for people. */
export function describeAgent(isInGame: boolean): string {
  return isInGame ? 'the agent is in the game' : 'the agent is not in the game';
}

/** The people among the players online: without the agent's players; 0 on a server that has lost its agent. */
export function peopleOnline(online: number, agentPlayers: number): number {
  return Math.max(0, online - agentPlayers);
}

/**
 * Whether everybody who is online has a connection of their own. Otherwise there is a proxy between them and the server,
 * or they are none of flesh and blood.
 */
function isExplained(online: number, { own, others }: Connected): boolean {
  return online <= own + others;
}

/**
 * The presence after one more sample. Of those who are online so many may be people as have connections that are not
 * the agent's, whether that is in the game, has dropped out of it, or comes back; where connections do not tell, they
 * are people but for so many as the agent has.
 */
export function applySample(people: Presence, sample: StatusSample, { agentPlayers }: IdleLimits): Presence {
  const stepMs = Math.min(sample.atMs - people.sampledMs, MAX_STEP_MS);
  if ('fault' in sample) return unanswered(people, sample.fault, stepMs, sample.atMs);
  const { online, connected, visits = noVisits, atMs } = sample;
  const agentInGame = connected && isAgentIn(connected, agentPlayers);
  if (online === undefined) return { ...uncounted(people, atMs), agentInGame };
  const isTold = connected !== undefined && isExplained(online, connected);
  const inGame = isTold ? countConnected(online, connected) : estimate(people, online, agentPlayers);
  const estimatedMs = isTold ? 0 : people.estimatedMs + stepMs;
  const counted = answered(people, inGame, countVisits(visits, atMs), stepMs, atMs);
  return { ...counted, agentInGame, estimatedMs };
}

/** undefined: it is not there, and need not be. */
function isAgentIn({ own }: Connected, agentPlayers: number): boolean | undefined {
  return own > 0 || (agentPlayers > 0 ? false : undefined);
}

/** The limit that is reached; undefined: none. */
export function limitReached(people: Presence, limits: IdleLimits): IdleLimit | undefined {
  const { unanswered: failed, now, seen, isUnknown, emptyMs, firstJoinedMs } = people;
  if (failed) {
    const hung = failed.pings >= MIN_FAILED_PINGS && failed.ms >= limits.livenessTimeoutMs;
    return hung ? 'server-hung' : undefined;
  }
  if (now > 0 || seen > 0 || isUnknown) return undefined;
  return firstJoinedMs === undefined
    ? reached('nobody-joined', emptyMs, limits.joinTimeoutMs)
    : reached('everybody-left', emptyMs, limits.emptyTimeoutMs);
}

function reached(limit: IdleLimit, emptyMs: number, timeoutMs: number | undefined) {
  return timeoutMs !== undefined && emptyMs >= timeoutMs ? limit : undefined;
}

// A longer time between two samples means that this process was stopped or suspended, not that the server was silent.
// In operation a step is at most a ping's timeout and the pause before it.
export const MAX_STEP_MS = 10_000;

/** A process that continues after a stop finds its ping timed out even if the server had answered: one is not enough. */
export const MIN_FAILED_PINGS = 3;

const MAX_CHANGES = 1_000;

interface Count {
  readonly seen: number;
  readonly now: number;
}

function countConnected(online: number, { others, lasting }: Connected): Count {
  return { seen: Math.min(online, others), now: Math.min(online, lasting) };
}

function estimate({ gameSeen, now, dashboard }: Presence, online: number, agentPlayers: number): Count {
  const seen = peopleOnline(online, agentPlayers);
  return { seen, now: Math.min(seen, Math.max(now - dashboard, gameSeen)) };
}

function answered(people: Presence, game: Count, visits: Count, stepMs: number, atMs: number): Presence {
  const now = game.now + visits.now;
  const stayedEmpty = people.now === 0 && now === 0;
  const left = people.now > 0 && now === 0;
  return {
    ...withChange(people, now - people.now, atMs),
    now,
    dashboard: visits.now,
    gameSeen: game.seen,
    seen: game.seen + visits.seen,
    isUnknown: false,
    peak: Math.max(people.peak, now),
    dashboardPeak: Math.max(people.dashboardPeak, visits.now),
    firstJoinedMs: people.firstJoinedMs ?? (now > 0 ? atMs : undefined),
    everybodyLeftMs: left ? atMs : now > 0 ? undefined : people.everybodyLeftMs,
    personMs: people.personMs + people.now * stepMs,
    presentMs: people.presentMs + (people.now > 0 ? stepMs : 0),
    emptyMs: stayedEmpty ? people.emptyMs + stepMs : 0,
    unanswered: undefined,
    sampledMs: atMs,
  };
}

function withChange(people: Presence, difference: number, atMs: number): Presence {
  if (difference === 0) return people;
  const kind = difference > 0 ? 'joined' : 'left';
  const changes = [...people.changes, { kind, count: Math.abs(difference), atMs } as const];
  const tooMany = Math.max(0, changes.length - MAX_CHANGES);
  return { ...people, changes: changes.slice(tooMany), changesForgotten: people.changesForgotten + tooMany };
}

/** As after an unanswered ping, but that the server lives. */
function uncounted(people: Presence, atMs: number): Presence {
  return { ...people, isUnknown: true, unanswered: undefined, sampledMs: atMs };
}

// An unanswered ping says nothing about people: the time counts neither as presence nor as absence.
function unanswered(people: Presence, fault: string, stepMs: number, atMs: number): Presence {
  const before = people.unanswered ?? { pings: 0, ms: 0 };
  return {
    ...people,
    unanswered: { pings: before.pings + 1, ms: before.ms + stepMs, fault },
    sampledMs: atMs,
  };
}
