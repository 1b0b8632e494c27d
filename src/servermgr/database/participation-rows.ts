import type { Selectable } from 'kysely';
import { PARTICIPATION_STATES, type Participation, VERIFIED } from '../studies/participation.ts';
import { OUTCOMES, type Outcome, SOURCES } from '../studies/study.ts';
import type { ParticipationsTable } from './schema.ts';

/** A row as it is known outside of the database; what a later version has written counts as far as it is understood. */
export function participationOf(row: Selectable<ParticipationsTable>): Participation {
  return {
    id: row.id,
    study: row.study,
    participant: row.participant ?? undefined,
    source: SOURCES.find(known => known === row.source) ?? 'link',
    submissionKey: row.submission_key ?? undefined,
    submission: row.submission ?? undefined,
    sealed: row.sealed ?? undefined,
    state: stateOf(row.state),
    verified: VERIFIED.find(known => known === row.verified) ?? 'unchecked',
    verifiedMs: row.verified_ms ?? undefined,
    textVersion: row.text_version,
    consentMs: row.consent_ms ?? undefined,
    seenMs: row.seen_ms,
    queuedMs: row.queued_ms ?? undefined,
    launches: row.launches,
    unreadySessions: row.unready_sessions,
    session: row.session ?? undefined,
    outcome: outcomeIn(row.outcome),
    outcomeMs: row.outcome_ms ?? undefined,
    code: row.code ?? undefined,
    createdMs: row.created_ms,
  };
}

/** One of a later version is over, as far as this one may act. */
function stateOf(text: string): Participation['state'] {
  return PARTICIPATION_STATES.find(known => known === text) ?? 'over';
}

function outcomeIn(text: string | null): Outcome | undefined {
  return OUTCOMES.find(known => known === text);
}
