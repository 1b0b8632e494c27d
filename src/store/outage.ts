import type { RetryEvent, RetryObserver } from './retry.ts';

/** A store that failed for a while. */
export interface OutageEnd {
  /** How many requests failed, each attempt counted. */
  readonly retries: number;
  readonly afterMs: number;
}

/** Called once when a store begins to fail, and once when nothing fails any more. */
export interface OutageObserver {
  readonly onBegin: (event: RetryEvent) => void;
  readonly onEnd: (event: OutageEnd) => void;
  /** What is not repeated, and is told each time. */
  readonly onNotRepeated: (event: RetryEvent) => void;
}

/** Sees the outages of a store in the failures of its requests, of which there are many at the same time. */
export function watchOutages(observer: OutageObserver): RetryObserver {
  const failing = new Set<string>();
  let begunAtMs: number | undefined;
  let retries = 0;

  function endIfAllSucceed(): void {
    if (begunAtMs === undefined || failing.size > 0) return;
    observer.onEnd({ retries, afterMs: Math.round(performance.now() - begunAtMs) });
    begunAtMs = undefined;
    retries = 0;
  }

  return {
    onRetry(event) {
      if (event.waitMs === undefined) return observer.onNotRepeated(event);
      failing.add(event.request);
      retries += 1;
      if (begunAtMs !== undefined) return;
      begunAtMs = performance.now();
      observer.onBegin(event);
    },
    onRecovered({ request }) {
      failing.delete(request);
      endIfAllSucceed();
    },
    // That one is given up does not end an outage: the next success does.
    onGivenUp: ({ request }) => void failing.delete(request),
    onSucceeded: endIfAllSucceed,
  };
}
