/** One try to store something: it ends when the caller ends it, or when nothing has moved for too long. */
export interface Watch {
  /** Aborted with the caller's reason, with `fail`'s, or with an error that says how long nothing moved. */
  readonly signal: AbortSignal;
  /** A byte has got further than any before it. */
  moved(): void;
  /** Ends the try early, for instance because one of several parts has failed. */
  fail(reason: unknown): void;
  stop(): void;
}

/**
 * Watches a try for stalls.
 * @param stallMs how long nothing may move
 * @param caller the caller's own signal
 */
export function watchForStall(stallMs: number, caller: AbortSignal): Watch {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new Error(`no byte has moved for ${stallMs / 1000} s`));
  }, stallMs);
  const forward = () => controller.abort(caller.reason);
  if (caller.aborted) forward();
  else caller.addEventListener('abort', forward, { once: true });
  return {
    signal: controller.signal,
    moved: () => void timer.refresh(),
    fail: reason => controller.abort(reason),
    stop() {
      clearTimeout(timer);
      caller.removeEventListener('abort', forward);
    },
  };
}
