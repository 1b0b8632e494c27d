import { pause, sleep } from '../runtime/abort.ts';
import { isBug } from '../runtime/bug.ts';
import { errorMessage } from '../runtime/text.ts';
import { AlreadyExistsError, ChecksumError, PermanentError } from './store.ts';

/** A request that failed without ending what it was part of. */
export interface RetryEvent {
  /** What was requested, e.g. `part 3 of logs.tar.gz`. */
  readonly request: string;
  readonly why: string;
  /** How long until it is repeated; undefined: it is not. */
  readonly waitMs: number | undefined;
}

/** A request that succeeded after it was repeated. */
export interface RecoveredEvent {
  readonly request: string;
  readonly retries: number;
}

/** Called for the log. */
export interface RetryObserver {
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  readonly onRecovered?: ((event: RecoveredEvent) => void) | undefined;
  /** A request is not repeated any more: its caller gets the error. */
  readonly onGivenUp?: ((event: Pick<RetryEvent, 'request'>) => void) | undefined;
  /** A request succeeded, or came further, that did not fail before. */
  readonly onSucceeded?: (() => void) | undefined;
}

export interface RetryOptions extends RetryObserver {
  /** Ends the repeating. */
  readonly signal: AbortSignal;
  /** Default: as many as it takes. */
  readonly maxTries?: number | undefined;
  /** Whether an error may pass; default: it is neither a PermanentError, an AlreadyExistsError nor a bug. */
  readonly isRetryable?: (error: unknown) => boolean;
  /** See `PutRetry`; default: an attempt may take as long as the store lets it. */
  readonly attemptTimeoutMs?: number | undefined;
  readonly urgent?: AbortSignal | undefined;
}

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 10_000;
const MAX_ATTEMPT_MS = 300_000;
const URGENT_WAIT_MS = 500;
/** For an object of 8 MiB on a line of 10 Mbit/s. */
export const URGENT_ATTEMPT_MS = 8_000;

/**
 * Makes a request until it succeeds, waiting longer each time. The one retry policy: p-retry does not serve, since it
 * drops an answer that arrives together with an abort (an upload whose ID is lost is never aborted), and since nothing
 * ends its waits early.
 * @param attempt is given a signal that is aborted with the caller's, or when the attempt takes too long
 * @throws what the last attempt threw; the signal's reason when it is aborted
 */
export async function retry<T>(
  request: string,
  attempt: (signal: AbortSignal) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const retries = trackRetries(request, options);
  for (;;) {
    options.signal.throwIfAborted();
    try {
      using limit = limitAttempt(retries.failures(), options);
      const result = await attempt(limit.signal);
      retries.succeeded();
      return result;
    } catch (error) {
      await retries.failed(error);
    }
  }
}

/**
 * Makes a request that creates an object which must not be there yet. After an attempt whose answer was lost, what is
 * in the way of the next one may be its own object.
 * @param wasCreated whether it is, asked when such a request finally failed
 */
export async function retryCreation(
  request: string,
  attempt: (signal: AbortSignal) => Promise<void>,
  wasCreated: (error: unknown) => Promise<boolean>,
  options: RetryOptions,
): Promise<void> {
  const { signal: caller, isRetryable = mayPass } = options;
  let mayBeDone = false;
  let attempts = 0;
  const attemptAndNote = async (signal: AbortSignal) => {
    attempts += 1;
    try {
      await attempt(signal);
    } catch (error) {
      mayBeDone ||= caller.aborted || isRetryable(error);
      throw error;
    }
  };
  try {
    await retry(request, attemptAndNote, options);
  } catch (error) {
    if (!(mayBeDone && (await wasCreated(error)))) throw error;
    if (attempts > 1) options.onRecovered?.({ request, retries: attempts - 1 });
  }
}

/** The failures of one request, for what is not repeated as a whole but goes on where it was. */
export interface Retries {
  /** How many attempts have failed since the last success. */
  failures(): number;
  /** Waits until the next attempt. @throws the error when there is to be none; the signal's reason when it is aborted */
  failed(error: unknown): Promise<void>;
  /** The request has succeeded, or has come further. */
  succeeded(): void;
}

export function trackRetries(request: string, options: RetryOptions): Retries {
  const { signal, urgent, maxTries = Number.POSITIVE_INFINITY, isRetryable = mayPass } = options;
  let failures = 0;
  const waitAfter = async (error: unknown) => {
    signal.throwIfAborted();
    failures += 1;
    if (failures >= maxTries || !isRetryable(error)) throw error;
    const waitMs = backoffMs(failures, FIRST_WAIT_MS, urgent?.aborted ? URGENT_WAIT_MS : MAX_WAIT_MS);
    options.onRetry?.({ request, why: errorMessage(error), waitMs });
    if (urgent === undefined || urgent.aborted) await sleep(waitMs, signal);
    else await pause(waitMs, AbortSignal.any([signal, urgent]));
    signal.throwIfAborted();
  };
  return {
    failures: () => failures,
    async failed(error) {
      try {
        await waitAfter(error);
      } catch (reason) {
        options.onGivenUp?.({ request });
        throw reason;
      }
    },
    succeeded() {
      if (failures > 0) options.onRecovered?.({ request, retries: failures });
      else options.onSucceeded?.();
      failures = 0;
    },
  };
}

function mayPass(error: unknown): boolean {
  const isFinal = [PermanentError, AlreadyExistsError, ChecksumError].some(kind => error instanceof kind);
  return !isFinal && !isBug(error);
}

/** Doubles with each failure; half of it at random, so that many that failed together do not come back together. */
export function backoffMs(failures: number, firstMs: number, mostMs: number): number {
  const most = Math.min(firstMs * 2 ** (failures - 1), mostMs);
  return Math.round(most / 2 + (Math.random() * most) / 2);
}

/** Longer each time, for lines that are slow rather than dead. */
function limitAttempt(
  failures: number,
  { signal, attemptTimeoutMs, urgent }: RetryOptions,
): Disposable & { readonly signal: AbortSignal } {
  if (attemptTimeoutMs === undefined) return { signal, [Symbol.dispose]: () => undefined };
  const timeout = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const limit = (ms: number) => {
    timers.push(setTimeout(() => timeout.abort(new Error(`no answer within ${ms / 1000} s`)), ms));
  };
  const limitUrgent = () => limit(URGENT_ATTEMPT_MS);
  if (urgent?.aborted) limitUrgent();
  else {
    limit(Math.min(attemptTimeoutMs * 2 ** failures, MAX_ATTEMPT_MS));
    urgent?.addEventListener('abort', limitUrgent, { once: true });
  }
  return {
    signal: AbortSignal.any([signal, timeout.signal]),
    [Symbol.dispose]() {
      urgent?.removeEventListener('abort', limitUrgent);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
