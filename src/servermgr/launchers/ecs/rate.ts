/** A token bucket, as AWS limits requests: so many at once, and so many a second after that. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

export interface TakeOptions {
  /** Ends the wait: whoever has given up uses no token. */
  readonly signal?: AbortSignal | undefined;
  /** Goes before all that are not: somebody looks on. */
  readonly urgent?: boolean | undefined;
}

export interface Bucket {
  /** Waits for a token. @throws the signal's reason when it is aborted before. */
  take(options?: TakeOptions): Promise<void>;
  /** The other side refuses requests for their rate: others use it up as well. Half of the rate is left to them. */
  throttled(): void;
}

/** What is refused within this time was sent at the same rate: it is reduced once. */
const ONE_THROTTLE_MS = 1_000;
/** How long it takes from nothing back to the full rate. */
const RECOVERY_MS = 60_000;
const LEAST_SHARE = 1 / 32;

/**
 * The SDK's `retryMode: 'adaptive'` does not serve: it has one bucket for all operations of a client, limits nothing
 * before the first refusal, and a wait that was aborted takes its token all the same.
 */
export function createBucket({ burst, perSecond }: Rate): Bucket {
  const urgent = new Set<() => void>();
  const others = new Set<() => void>();
  let tokens = burst;
  let refilledMs = performance.now();
  /** Of the rate, from 0 to 1. */
  let share = 1;
  let throttledMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function refill(): void {
    const nowMs = performance.now();
    const passedMs = nowMs - refilledMs;
    refilledMs = nowMs;
    tokens = Math.min(Math.max(1, burst * share), tokens + (passedMs / 1_000) * perSecond * share);
    share = Math.min(1, share + passedMs / RECOVERY_MS);
  }

  function serve(): void {
    clearTimeout(timer);
    refill();
    for (const waiting of [urgent, others]) {
      for (const go of waiting) {
        if (tokens < 1) {
          timer = setTimeout(serve, Math.ceil(((1 - tokens) * 1_000) / (perSecond * share)));
          return;
        }
        tokens -= 1;
        waiting.delete(go);
        go();
      }
    }
  }

  return {
    take({ signal, urgent: isUrgent = false } = {}) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const waiting = isUrgent ? urgent : others;
        const giveUp = () => {
          waiting.delete(go);
          reject(signal?.reason);
        };
        const go = () => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        };
        waiting.add(go);
        signal?.addEventListener('abort', giveUp, { once: true });
        serve();
      });
    },
    throttled() {
      refill();
      tokens = Math.min(tokens, 0);
      const nowMs = performance.now();
      if (nowMs - throttledMs < ONE_THROTTLE_MS) return;
      throttledMs = nowMs;
      share = Math.max(LEAST_SHARE, share / 2);
    },
  };
}
