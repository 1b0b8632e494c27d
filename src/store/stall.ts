/** Watches one upload: it ends when the caller ends it, or when no byte has moved for too long. */
export interface StallWatch {
  /** Aborted with the caller's reason, with `fail`'s, or with an error that says how long nothing moved. */
  readonly signal: AbortSignal;
  /** A byte has got further than any before it. */
  moved(): void;
  /** Ends the upload early, for instance because one of several parts has failed. */
  fail(reason: unknown): void;
  stop(): void;
}

/**
 * Watches an upload for stalls.
 * @param stallMs how long no byte may move
 * @param caller the caller's own signal
 */
export function watchForStall(stallMs: number, caller: AbortSignal): StallWatch {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new Error(`no byte has moved for ${stallMs / 1000} s`));
  }, stallMs);
  const abortWithCaller = () => controller.abort(caller.reason);
  if (caller.aborted) abortWithCaller();
  else caller.addEventListener('abort', abortWithCaller, { once: true });
  return {
    signal: controller.signal,
    moved: () => void timer.refresh(),
    fail: reason => controller.abort(reason),
    stop() {
      clearTimeout(timer);
      caller.removeEventListener('abort', abortWithCaller);
    },
  };
}
