import { orAborted, pause } from '../runtime/abort.ts';
import { isBug } from '../runtime/bug.ts';
import { errorText } from '../runtime/text.ts';
import { PermanentError, type PutRetry } from '../store/store.ts';
import type { ClaimedName } from './claim.ts';

/** A claim that goes on until the session has its name: a store may be down when the session starts. */
export interface LastingClaim {
  /** The name, as soon as it is claimed. */
  claimed(): ClaimedName | undefined;
  /** Rejects when the store refuses it at the session's end, or when the claim is over. */
  readonly whenClaimed: Promise<ClaimedName>;
  /** Waits for it at the session's end: from now on it is not waited for rights that are granted later. */
  claimNow(signal: AbortSignal): Promise<ClaimedName>;
  /** Ends it. */
  close(): void;
}

/** One attempt, which itself repeats its requests. */
type ClaimAttempt = (signal: AbortSignal, retry: PutRetry | undefined) => Promise<ClaimedName>;

const ATTEMPT_TIMEOUT_MS = 20_000;
const RETRY_MS = 10_000;
const URGENT_RETRY_MS = 500;

/** @param onFailure told the first time that the store fails */
export function keepClaiming(attempt: ClaimAttempt, onFailure: (why: string) => void): LastingClaim {
  const closed = new AbortController();
  const urgent = new AbortController();
  const restart = new AbortController();
  let failures = 0;
  let name: ClaimedName | undefined;

  function noteFailure(why: string): void {
    failures += 1;
    if (failures === 1) onFailure(why);
    // What the background repeats for ever has to fail now.
    if (urgent.signal.aborted) restart.abort();
  }

  const background: PutRetry = {
    attemptTimeoutMs: ATTEMPT_TIMEOUT_MS,
    urgent: urgent.signal,
    onFailure: noteFailure,
  };

  async function repeat(): Promise<ClaimedName> {
    for (;;) {
      closed.signal.throwIfAborted();
      const isUrgent = urgent.signal.aborted;
      try {
        const signal = isUrgent ? closed.signal : AbortSignal.any([closed.signal, restart.signal]);
        name = await attempt(signal, isUrgent ? undefined : background);
        return name;
      } catch (error) {
        closed.signal.throwIfAborted();
        if (isUrgent) {
          if (error instanceof PermanentError || isBug(error)) throw error;
          await pause(URGENT_RETRY_MS, closed.signal);
        } else if (!restart.signal.aborted) {
          noteFailure(errorText(error));
          await pause(RETRY_MS, AbortSignal.any([closed.signal, urgent.signal]));
        }
      }
    }
  }

  const whenClaimed = repeat();
  // Whoever waits for it hears of it.
  whenClaimed.catch(() => undefined);
  return {
    claimed: () => name,
    whenClaimed,
    claimNow(signal) {
      urgent.abort();
      // One that has not failed yet may be about to succeed, and its answer would be lost.
      if (failures > 0) restart.abort();
      return orAborted(whenClaimed, signal);
    },
    close: () => closed.abort(new Error('the session is over')),
  };
}
