import type { Signals } from './signals.ts';

/** Kept back from the stop timeout: the report, the last log lines, the end of the process. */
export const RESERVE_MS = 2_000;

export interface Deadline {
  /** Aborted when the time is over, or when the session is abandoned; its reason says which. */
  readonly signal: AbortSignal;
  leftMs(): number;
  [Symbol.dispose](): void;
}

export interface DeadlineOptions {
  /** From now on, when nothing presses. */
  readonly defaultMs: number;
  /** From a stop request to the SIGKILL. */
  readonly stopTimeoutMs: number;
  /** The share, from 0 to 1, of the time that a stop request leaves. */
  readonly shutdownShare: number;
}

/** A time limit that a stop request, now or later, makes shorter: it never makes it longer. */
export function startDeadline(
  stops: Signals,
  { defaultMs: normallyMs, stopTimeoutMs, shutdownShare: share }: DeadlineOptions,
): Deadline {
  const startMs = performance.now();
  const over = new AbortController();
  let endMs = startMs + normallyMs;
  let timer = setTimeout(end, normallyMs);

  if (stops.stopRequested.aborted) press();
  else stops.stopRequested.addEventListener('abort', press, { once: true });

  function press(): void {
    const request = stops.stopRequest();
    if (request === undefined) return;
    const killedAtMs = request.atMs + stopTimeoutMs - RESERVE_MS;
    const fromMs = Math.max(startMs, request.atMs);
    endMs = Math.min(endMs, fromMs + (killedAtMs - fromMs) * share);
    clearTimeout(timer);
    timer = setTimeout(end, Math.max(0, endMs - performance.now()));
  }

  function end(): void {
    const seconds = Math.round((performance.now() - startMs) / 100) / 10;
    over.abort(new Error(`its time was over after ${seconds} s`));
  }

  return {
    signal: AbortSignal.any([over.signal, stops.aborted]),
    leftMs: () => Math.max(0, endMs - performance.now()),
    [Symbol.dispose]() {
      clearTimeout(timer);
      stops.stopRequested.removeEventListener('abort', press);
    },
  };
}
