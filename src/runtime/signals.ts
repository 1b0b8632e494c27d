/** The first signal: the session is to end, within its stop timeout. */
export interface StopRequest {
  readonly signal: NodeJS.Signals;
  /** On the clock of performance.now(). */
  readonly atMs: number;
}

/** What people and ECS ask of a running session. */
export interface Stops {
  /** Aborted by the first signal. */
  readonly asked: AbortSignal;
  /** Aborted by the second: everything is killed and given up. */
  readonly abandoned: AbortSignal;
  /** Aborted by a fault that nobody caught: the supervisor has a bug, and the session must still be saved. */
  readonly broken: AbortSignal;
  request(): StopRequest | undefined;
  abandonedBy(): NodeJS.Signals | undefined;
}

export interface StopSwitch extends Stops {
  /** Takes one signal as it comes in. */
  receive(signal: NodeJS.Signals): void;
  /** Takes a fault that nobody caught. */
  breakDown(fault: unknown): void;
}

/**
 * Turns signals into one clean stop. A terminal that closes sends its HUP beside the others' signals, so that only a
 * second TERM, INT or QUIT abandons.
 */
export function newStopSwitch(): StopSwitch {
  const asked = new AbortController();
  const abandoned = new AbortController();
  const broken = new AbortController();
  let request: StopRequest | undefined;
  let abandonedBy: NodeJS.Signals | undefined;
  return {
    asked: asked.signal,
    abandoned: abandoned.signal,
    broken: broken.signal,
    request: () => request,
    abandonedBy: () => abandonedBy,
    receive(signal) {
      if (request === undefined) {
        request = { signal, atMs: performance.now() };
        asked.abort(new Error(`${signal} was received`));
      } else if (signal !== 'SIGHUP' && abandonedBy === undefined) {
        abandonedBy = signal;
        abandoned.abort(new Error(`a second signal, ${signal}, was received`));
      }
    },
    breakDown: fault => broken.abort(fault),
  };
}

/** Kept back from the stop timeout: the report, the last log lines, the end of the process. */
export const RESERVE_MS = 2_000;

export interface TimeLimit {
  /** Aborted when the time is over, or when the session is abandoned; its reason says which. */
  readonly signal: AbortSignal;
  leftMs(): number;
  [Symbol.dispose](): void;
}

export interface TimeAllowed {
  /** From now on, when nothing presses. */
  readonly normallyMs: number;
  /** From a stop request to the SIGKILL. */
  readonly stopTimeoutMs: number;
  /** The share, from 0 to 1, of the time that a stop request leaves. */
  readonly share: number;
}

/** A time limit that a stop request, now or later, makes shorter: it never makes it longer. */
export function limitTime(stops: Stops, { normallyMs, stopTimeoutMs, share }: TimeAllowed): TimeLimit {
  const startMs = performance.now();
  const over = new AbortController();
  let endMs = startMs + normallyMs;
  let timer = setTimeout(end, normallyMs);

  if (stops.asked.aborted) press();
  else stops.asked.addEventListener('abort', press, { once: true });

  function press(): void {
    const request = stops.request();
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
    signal: AbortSignal.any([over.signal, stops.abandoned]),
    leftMs: () => Math.max(0, endMs - performance.now()),
    [Symbol.dispose]() {
      clearTimeout(timer);
      stops.asked.removeEventListener('abort', press);
    },
  };
}
