import { setTimeout as delay } from 'node:timers/promises';
import { type FaultKind, S3Fault } from './s3/errors.ts';

/** A request that failed without ending what it was part of: worth a line in the log. */
export interface RetryEvent {
  /** What was being done, e.g. `part 3 of logs.tar.gz`. */
  readonly what: string;
  readonly why: string;
  /** How long until it is tried again; undefined: it is not. */
  readonly waitMs: number | undefined;
}

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly maxTries?: number;
  /** What is worth repeating; default: what is transient. */
  readonly kinds?: readonly FaultKind[];
  readonly onTrouble?: ((trouble: RetryEvent) => void) | undefined;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;

/** Makes a request until it is answered, waiting longer each time, or until the signal is aborted. */
export async function withRetry<T>(
  what: string,
  attempt: () => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { signal, maxTries = Number.POSITIVE_INFINITY, kinds = ['transient'], onTrouble } = options;
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof S3Fault) || !kinds.includes(error.kind) || tries >= maxTries) throw error;
      const waitMs = backoffMs(tries);
      onTrouble?.({ what, why: error.message, waitMs });
      await waitOrThrow(waitMs, signal);
    }
  }
}

/** Half of it at random, so that many who were refused together do not come back together. */
function backoffMs(tries: number): number {
  const most = Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), LONGEST_WAIT_MS);
  return Math.round(most / 2 + (Math.random() * most) / 2);
}

async function waitOrThrow(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    throw signal.reason;
  }
}
