/** One look at the server: how many players were online, or why nobody could tell. */
export type StatusSample =
  /** `atMs`: since the watch began, which is when the agent started. */
  { readonly atMs: number } & ({ readonly online: number } | { readonly fault: string });

export interface IdleLimits {
  /** How many of the players online are the agent. */
  readonly agentPlayers: number;
  /** How long until somebody must have joined; undefined: for ever. */
  readonly joinTimeoutMs: number | undefined;
  /** How long everybody may be gone; undefined: for ever. */
  readonly emptyTimeoutMs: number | undefined;
  /** How long the server may leave every ping unanswered. */
  readonly livenessTimeoutMs: number;
}

export type IdleLimit = 'nobody-joined' | 'everybody-left' | 'server-hung';

/** What is known of the people on the server. Times are milliseconds since the watch began. */
export interface Presence {
  /** As last seen: while the server does not answer, nobody is taken to join or leave. */
  readonly now: number;
  readonly peak: number;
  readonly firstJoinedMs: number | undefined;
  /** When the last person was seen to be gone; undefined while somebody is there, or has never been. */
  readonly everybodyLeftMs: number | undefined;
  /** Two people for a minute make two minutes. */
  readonly personMs: number;
  /** The latest changes, the oldest first. */
  readonly changes: readonly Change[];
  readonly changesForgotten: number;
  /** How long nobody has been there, as far as is known: since the beginning, or since everybody left. */
  readonly emptyMs: number;
  readonly unanswered: Unanswered | undefined;
  readonly sampledMs: number;
}

export interface Change {
  readonly kind: 'joined' | 'left';
  readonly count: number;
  readonly atMs: number;
}

/** The pings that have gone unanswered since the last answer. */
export interface Unanswered {
  readonly pings: number;
  readonly ms: number;
  readonly fault: string;
}

export const emptyPresence: Presence = {
  now: 0,
  peak: 0,
  firstJoinedMs: undefined,
  everybodyLeftMs: undefined,
  personMs: 0,
  changes: [],
  changesForgotten: 0,
  emptyMs: 0,
  unanswered: undefined,
  sampledMs: 0,
};

/** What is known after one more look. */
export function applySample(people: Presence, seen: StatusSample, { agentPlayers }: IdleLimits): Presence {
  const stepMs = Math.min(seen.atMs - people.sampledMs, MAX_STEP_MS);
  return 'online' in seen
    ? answered(people, Math.max(0, seen.online - agentPlayers), stepMs, seen.atMs)
    : unanswered(people, seen.fault, stepMs, seen.atMs);
}

/** The limit that has been reached; undefined: none. */
export function limitReached(people: Presence, limits: IdleLimits): IdleLimit | undefined {
  const { unanswered: silence, now, emptyMs, firstJoinedMs } = people;
  if (silence) {
    const hung = silence.pings >= MIN_FAILED_PINGS && silence.ms >= limits.livenessTimeoutMs;
    return hung ? 'server-hung' : undefined;
  }
  if (now > 0) return undefined;
  return firstJoinedMs === undefined
    ? reached('nobody-joined', emptyMs, limits.joinTimeoutMs)
    : reached('everybody-left', emptyMs, limits.emptyTimeoutMs);
}

function reached(limit: IdleLimit, emptyMs: number, timeoutMs: number | undefined) {
  return timeoutMs !== undefined && emptyMs >= timeoutMs ? limit : undefined;
}

// A longer time between two looks means that the one who looks was stopped or asleep, not that the server was silent.
// The longest honest step is a ping's limit and the pause before it.
const MAX_STEP_MS = 10_000;

/** Whoever wakes from a stop finds its ping's time over, however quickly the server had answered: one try says little. */
export const MIN_FAILED_PINGS = 3;

const MAX_CHANGES = 1_000;

function answered(people: Presence, now: number, stepMs: number, atMs: number): Presence {
  const stayedEmpty = people.now === 0 && now === 0;
  const left = people.now > 0 && now === 0;
  return {
    ...withChange(people, now - people.now, atMs),
    now,
    peak: Math.max(people.peak, now),
    firstJoinedMs: people.firstJoinedMs ?? (now > 0 ? atMs : undefined),
    everybodyLeftMs: left ? atMs : now > 0 ? undefined : people.everybodyLeftMs,
    personMs: people.personMs + people.now * stepMs,
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

// An unanswered ping says nothing of people: what they do meanwhile counts neither as presence nor as absence.
function unanswered(people: Presence, fault: string, stepMs: number, atMs: number): Presence {
  const before = people.unanswered ?? { pings: 0, ms: 0 };
  return {
    ...people,
    unanswered: { pings: before.pings + 1, ms: before.ms + stepMs, fault },
    sampledMs: atMs,
  };
}
