import type { Outcome, Source, Study } from './study.ts';

/** How far somebody is. */
export const PARTICIPATION_STATES = [
  /** A seat is kept for them while they read the instructions. */
  'reserved',
  /** They wait until the fleet has a place. */
  'waiting',
  /** They have a session. */
  'playing',
  'over',
] as const;
export type ParticipationState = (typeof PARTICIPATION_STATES)[number];

/** What the platform says of somebody: that they take part, nothing (it is away), or it was not asked. */
export const VERIFIED = ['confirmed', 'unchecked', 'unasked'] as const;
export type Verified = (typeof VERIFIED)[number];

/** Somebody who stands at the door, as a link or a platform names them. */
export interface Identity {
  readonly study: number;
  readonly source: Source;
  /** The platform's id of the person. */
  readonly person: string;
  /** The platform's id of this try: Prolific's submission, MTurk's assignment. */
  readonly submission: string;
}

/** One try of a person to take part. */
export interface Participation {
  readonly id: string;
  readonly study: number;
  /** The pseudonym; undefined: somebody who has not consented, or was deleted. */
  readonly participant: string | undefined;
  readonly source: Source;
  readonly submissionKey: string | undefined;
  /** The platform's id of it; undefined: the study keeps none. */
  readonly submission: string | undefined;
  /** Who it is, sealed; undefined: it is over. */
  readonly sealed: string | undefined;
  readonly state: ParticipationState;
  readonly verified: Verified;
  readonly verifiedMs: number | undefined;
  readonly textVersion: number;
  readonly consentMs: number | undefined;
  readonly seenMs: number;
  readonly queuedMs: number | undefined;
  readonly launches: number;
  /** How many of its sessions never became ready. */
  readonly unreadySessions: number;
  /** The id of its session. */
  readonly session: string | undefined;
  readonly outcome: Outcome | undefined;
  readonly outcomeMs: number | undefined;
  readonly code: string | undefined;
  readonly createdMs: number;
}

/** A seat that is kept for a page which nobody has open any more is free again by then. */
const RESERVED_MS = 600_000;
/** A page that was not open for so long is closed: nobody waits there, and its turn passes. */
const ABSENT_MS = 60_000;
/** An open page is noted so often. */
export const SEEN_EVERY_MS = 15_000;

/** A session that never becomes ready is followed by another one, so often. */
export const MORE_SESSIONS = 1;

/** Where a person stands who opens a link. */
export type Standing =
  | { readonly kind: 'new' }
  /** They take part just now. */
  | { readonly kind: 'active'; readonly participation: Participation }
  /** This try is over; they may try again, or not. */
  | { readonly kind: 'over'; readonly participation: Participation; readonly mayTryAgain: boolean }
  /** They have had all the sessions that one may have, by another try. */
  | { readonly kind: 'done' };

/** Sessions that count among those that one person may have. */
const COUNTS: readonly (Outcome | undefined)[] = ['finished', 'incomplete'];
/** After those nobody has had what the study owes them. */
const TRY_AGAIN: readonly (Outcome | undefined)[] = ['surplus', 'technical', 'waited-too-long'];

/**
 * @param tries all of one person
 * @param submissionKey of the try that they come for: its end is shown again, whatever came of others
 */
export function standingOf(
  { settings }: Study,
  tries: readonly Participation[],
  submissionKey: string | undefined,
): Standing {
  const active = tries.find(({ state }) => state !== 'over');
  if (active !== undefined) return { kind: 'active', participation: active };
  const isDone =
    tries.filter(({ outcome }) => COUNTS.includes(outcome)).length >= settings.sessionsPerParticipant;
  const [latest] = tries
    .filter(each => each.submissionKey === submissionKey && each.outcome !== 'expired')
    .sort((a, b) => b.createdMs - a.createdMs);
  if (latest === undefined) return isDone ? { kind: 'done' } : { kind: 'new' };
  return {
    kind: 'over',
    participation: latest,
    // A link has one try for all sessions that it is good for.
    mayTryAgain: !isDone && (latest.source === 'link' || TRY_AGAIN.includes(latest.outcome)),
  };
}

/** Whether its page was closed before it had a session, for so long that its seat is free again. */
export function isAbandoned({ state, seenMs }: Participation, nowMs: number): boolean {
  return (state === 'reserved' || state === 'waiting') && nowMs - seenMs > RESERVED_MS;
}

/** Those who wait for a place and are there, the first in the queue first. */
export function queueOf(active: readonly Participation[], nowMs: number): readonly Participation[] {
  return active
    .filter(({ state, seenMs }) => state === 'waiting' && nowMs - seenMs <= ABSENT_MS)
    .sort((a, b) => (a.queuedMs ?? 0) - (b.queuedMs ?? 0) || a.id.localeCompare(b.id));
}
