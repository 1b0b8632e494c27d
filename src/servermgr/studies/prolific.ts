import type { Log } from '../../runtime/log.ts';
import type { ProxyConfig } from '../../runtime/proxy.ts';
import { readPlatformIds } from './platform-ids.ts';
import { openProlificApi, type Submission } from './prolific-api.ts';

/** Who takes part, by Prolific's ids. */
export interface ProlificIds {
  readonly participant: string;
  readonly study: string;
  /** Prolific's SESSION_ID: one participation in one study. */
  readonly submission: string;
}

export type ProlificQuery =
  | ({ readonly kind: 'ok' } & ProlificIds)
  /** A sentence for whoever has followed the link. */
  | { readonly kind: 'bad'; readonly why: string };

export interface Prolific {
  /**
   * Whether Prolific has this person in this study just now: ids in a link can be made up.
   * @returns 'unknown' when Prolific does not say; within 5 s
   * @throws the reason of a signal that is aborted
   */
  check(ids: ProlificIds, signal: AbortSignal): Promise<'confirmed' | 'refused' | 'unknown'>;
  /** How far a submission is. @throws the reason of a signal that is aborted */
  status(submission: string, signal: AbortSignal): Promise<SubmissionStage>;
}

export type SubmissionStage =
  | 'active'
  /** Its participant has given it back, and is not paid. */
  | 'returned'
  | 'timed-out'
  /** It was handed in, whatever became of it then. */
  | 'done'
  | 'unknown';

export interface ProlificOptions {
  /** Of a researcher in the study's workspace. */
  readonly token: string;
  readonly url?: string;
  readonly proxy?: ProxyConfig | undefined;
  /** Aborts whatever is under way. */
  readonly signal?: AbortSignal | undefined;
  readonly log: Log;
}

/** By Prolific's words for them: https://docs.prolific.com/api-reference/submissions/submission-object */
const STAGES: Readonly<Record<string, SubmissionStage>> = {
  // Reserved ones become active a moment after the link was followed.
  RESERVED: 'active',
  ACTIVE: 'active',
  RETURNED: 'returned',
  'TIMED-OUT': 'timed-out',
  'AWAITING REVIEW': 'done',
  APPROVED: 'done',
  'PARTIALLY APPROVED': 'done',
  REJECTED: 'done',
  'SCREENED OUT': 'done',
};

/**
 * The ids that Prolific puts into a study's address, under the names that it suggests.
 * @param query as it came with the request
 */
export function parseProlificQuery(query: unknown): ProlificQuery {
  const read = readPlatformIds(query, ['PROLIFIC_PID', 'STUDY_ID', 'SESSION_ID'], 'Prolific');
  if (read.kind === 'bad') return read;
  const { PROLIFIC_PID, STUDY_ID, SESSION_ID } = read.ids;
  return { kind: 'ok', participant: PROLIFIC_PID, study: STUDY_ID, submission: SESSION_ID };
}

/** Where a participant goes at the end. @param code one of the study's completion codes */
export function completionUrl(code: string): string {
  return `https://app.prolific.com/submissions/complete?${new URLSearchParams({ cc: code })}`;
}

/** Asks Prolific's API. */
export function createProlific({
  url = 'https://api.prolific.com',
  signal: closed,
  ...options
}: ProlificOptions): Prolific {
  const api = openProlificApi({ url, ...options });
  const signals = (signal: AbortSignal) =>
    closed === undefined ? signal : AbortSignal.any([closed, signal]);
  return {
    async check(ids, signal) {
      const answer = await api.submission(ids.submission, signals(signal));
      if (typeof answer === 'string') return answer === 'missing' ? 'refused' : 'unknown';
      if (!isOf(answer, ids)) return 'refused';
      const stage = stageOf(answer);
      if (stage === 'unknown') return 'unknown';
      return stage === 'active' ? 'confirmed' : 'refused';
    },
    async status(submission, signal) {
      const answer = await api.submission(submission, signals(signal));
      return typeof answer === 'string' ? 'unknown' : stageOf(answer);
    },
  };
}

function isOf(answer: Submission, { participant, study, submission }: ProlificIds): boolean {
  // Studies with quotas consist of several.
  const studies = [answer.study, answer.parentStudy];
  return answer.id === submission && answer.participant === participant && studies.includes(study);
}

function stageOf({ status }: Submission): SubmissionStage {
  return STAGES[status] ?? 'unknown';
}
