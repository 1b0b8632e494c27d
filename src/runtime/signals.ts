import { isBug } from './bug.ts';

/** The first signal: the session is to end, within its stop timeout. */
export interface StopRequest {
  readonly signal: NodeJS.Signals;
  /** On the clock of performance.now(). */
  readonly atMs: number;
}

/** What people and ECS ask of a running session. */
export interface Signals {
  /** Aborted by the first signal. */
  readonly stopRequested: AbortSignal;
  /** Aborted by a later one: everything is killed and given up. */
  readonly aborted: AbortSignal;
  /** Aborted by an uncaught bug: what the supervisor does from then on cannot be relied on, and the session is saved. */
  readonly internalError: AbortSignal;
  /** Whether any error was uncaught: where it is no bug, it is of something that nobody waits for, and ends nothing. */
  hasUncaught(): boolean;
  stopRequest(): StopRequest | undefined;
  abortedBy(): NodeJS.Signals | undefined;
}

export interface SignalController extends Signals {
  /** Takes one signal as it comes in. */
  onSignal(signal: NodeJS.Signals): void;
  /** Takes an uncaught exception. */
  onUncaught(fault: unknown): void;
}

/** Docker and the wrapper that it runs both send one, milliseconds apart: that is one request. */
const TOGETHER_MS = 1_000;

/**
 * What asks a session to end, any number of times: a launcher that does not know whether it was heard sends it again.
 * Whoever does not know it ignores it, as the system does by default: an earlier supervisor, a wrapper, a Node that is
 * only starting.
 */
export const REPEATABLE_STOP = 'SIGURG';

/**
 * Turns signals into one clean stop. A terminal that closes sends its HUP beside the others' signals, so that only a
 * later TERM, INT or QUIT abandons; and that only if the first request could not be repeated: between the two of a
 * launcher its TERM may be the slower one.
 */
export function createSignals({ togetherMs = TOGETHER_MS } = {}): SignalController {
  const stopRequested = new AbortController();
  const aborted = new AbortController();
  const internalError = new AbortController();
  let stopRequest: StopRequest | undefined;
  let abortedBy: NodeJS.Signals | undefined;
  let hasUncaught = false;
  /** When the first came that is not repeated. */
  let askedMs: number | undefined;
  return {
    stopRequested: stopRequested.signal,
    aborted: aborted.signal,
    internalError: internalError.signal,
    stopRequest: () => stopRequest,
    abortedBy: () => abortedBy,
    hasUncaught: () => hasUncaught,
    onSignal(signal) {
      const nowMs = performance.now();
      if (stopRequest === undefined) {
        stopRequest = { signal, atMs: nowMs };
        stopRequested.abort(new Error(`${signal} was received`));
      }
      if (signal === REPEATABLE_STOP) return;
      if (askedMs === undefined) askedMs = nowMs;
      else if (signal !== 'SIGHUP' && abortedBy === undefined && nowMs - askedMs >= togetherMs) {
        abortedBy = signal;
        aborted.abort(new Error(`a second signal, ${signal}, was received`));
      }
    },
    onUncaught(fault) {
      hasUncaught = true;
      if (isBug(fault)) internalError.abort(fault);
    },
  };
}
