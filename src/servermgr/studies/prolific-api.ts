import * as v from 'valibot';
import { timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { ProxyConfig } from '../../runtime/proxy.ts';
import { createGetter, type HttpAnswer } from './http-get.ts';

/** A submission as Prolific describes it. */
export interface Submission {
  readonly id: string;
  readonly participant: string;
  readonly study: string;
  /** The study of which `study` is a part, if there is one. */
  readonly parentStudy: string | undefined;
  /** In Prolific's spelling: `AWAITING REVIEW`, `TIMED-OUT`. */
  readonly status: string;
}

interface ProlificApi {
  /**
   * Looks a submission up.
   * @returns 'missing' when Prolific has none of that id; 'unknown' when it does not say
   * @throws the signal's reason when it is aborted
   */
  submission(id: string, signal: AbortSignal): Promise<Submission | 'missing' | 'unknown'>;
}

/** Somebody waits for the page meanwhile. */
const TIMEOUT_MS = 5_000;
/** Prolific asks for restraint; it names no limit. https://docs.prolific.com/documentation/core-concepts/managing-high-loads */
const AT_ONCE = 5;
/** Without a Retry-After the wait doubles, as Prolific asks for. */
const FIRST_PAUSE_MS = 1_000;
/** Whatever a Retry-After says, it is asked again then. */
const LONGEST_PAUSE_MS = 600_000;

/** https://docs.prolific.com/api-reference/submissions/get-submission; where submissions are listed, names differ. */
const Answer = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    id: v.string(),
    status: v.string(),
    participant: v.optional(v.unknown()),
    participant_id: v.optional(v.unknown()),
    study_id: v.optional(v.unknown()),
    study: v.optional(v.unknown()),
    parent_study_id: v.optional(v.unknown()),
  }),
);

/** @throws when the text describes no submission */
function submissionIn(body: string): Submission {
  const { success, output } = v.safeParse(Answer, body);
  const participant = success && firstText(output.participant, output.participant_id);
  const study = success && firstText(output.study_id, output.study);
  if (!participant || !study) throw new Error('Prolific answered with something else than a submission');
  const { id, status, parent_study_id } = output;
  return { id, participant, study, parentStudy: firstText(parent_study_id), status: spelled(status) };
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find(value => typeof value === 'string');
}

/** Where submissions are listed, there is `AWAITING_REVIEW` as well; the dash is of `TIMED-OUT` alone. */
function spelled(status: string): string {
  const words = status.toUpperCase().replaceAll('_', ' ');
  return words === 'TIMED OUT' ? 'TIMED-OUT' : words;
}

/** Asks Prolific with a researcher's token, a few requests at once, and none for as long as it wants none. */
export function openProlificApi({
  token,
  url,
  proxy,
  log,
}: {
  readonly token: string;
  readonly url: string;
  readonly proxy?: ProxyConfig | undefined;
  readonly log: Log;
}): ProlificApi {
  const get = createGetter({ atOnce: AT_ONCE, proxy });
  let pausedUntilMs = 0;
  let throttled = 0;
  let isRefused = false;
  let isAway = false;

  function pauseFor({ retryAfterMs }: HttpAnswer): void {
    // Requests that were sent together are told together.
    if (retryAfterMs === undefined && performance.now() < pausedUntilMs) return;
    const ms = retryAfterMs ?? FIRST_PAUSE_MS * 2 ** throttled;
    throttled += 1;
    pausedUntilMs = Math.max(pausedUntilMs, performance.now() + Math.min(ms, LONGEST_PAUSE_MS));
  }

  function tellAway(err: unknown): void {
    if (!isAway) log.warn({ event: 'prolific_away', err }, 'Prolific could not be asked about a participant');
    isAway = true;
  }

  function tellAnswered(): void {
    if (isAway) log.info({ event: 'prolific_back' }, 'Prolific answers again');
    isAway = false;
    throttled = 0;
  }

  /** @throws when it is no answer to the question */
  function read(answer: HttpAnswer): Submission | 'missing' | 'unknown' {
    const { status, retryAfterMs } = answer;
    if (status === 401 || status === 403) {
      if (!isRefused) log.error({ event: 'prolific_refuses', status }, 'Prolific refuses the token');
      isRefused = true;
      return 'unknown';
    }
    if (status === 429 || (status >= 500 && retryAfterMs !== undefined)) pauseFor(answer);
    // Of a request in which nothing but the id can be wrong.
    if (status === 404 || status === 400) {
      tellAnswered();
      return 'missing';
    }
    if (status !== 200) throw new Error(`Prolific answered ${status}`);
    const submission = submissionIn(answer.body);
    tellAnswered();
    return submission;
  }

  return {
    async submission(id, signal) {
      signal.throwIfAborted();
      if (performance.now() < pausedUntilMs) return 'unknown';
      const address = new URL(`/api/v1/submissions/${encodeURIComponent(id)}/`, url);
      const headers = { authorization: `Token ${token}`, accept: 'application/json' };
      try {
        return read(await get(address, { headers, signal: timeoutSignal(TIMEOUT_MS, signal) }));
      } catch (error) {
        signal.throwIfAborted();
        tellAway(error);
        return 'unknown';
      }
    },
  };
}
