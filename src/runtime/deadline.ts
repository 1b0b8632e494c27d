import type { Signals } from './signals.ts';

/** What the deadlines of a session depend on. */
export interface DeadlineSettings {
  /** SESSION_STOP_GRACE. */
  readonly graceMs: number;
  /** SESSION_SERVER_STOP_GRACE. */
  readonly serverGraceMs: number;
  /** Whether there is a journal: with one, its last seconds are all that has to be saved after a stop request. */
  readonly hasJournal: boolean;
  /** SESSION_STOP_TIMEOUT: from the first signal to the container's SIGKILL. */
  readonly stopTimeoutMs: number;
  /** SESSION_SAVE_TIMEOUT. */
  readonly saveTimeoutMs: number;
  /** Whether there is a second destination, which needs a part of the time. */
  readonly hasFallback: boolean;
}

export interface Deadline {
  /** Aborted when the time is over, or by a second signal; its reason says which. */
  readonly signal: AbortSignal;
  leftMs(): number;
  [Symbol.dispose](): void;
}

/** Starts the deadline of a part of the session; whoever starts it disposes of it. */
export type StartDeadline = (part: DeadlinePart) => Deadline;

/** Kept back from the stop timeout: the report, the last log lines, the end of the process. */
const RESERVE_MS = 2_000;

interface Budget {
  /** From its start on, without a stop request. */
  readonly defaultMs: (settings: DeadlineSettings) => number;
  /** The share, from 0 to 1, of the time that a stop request leaves at its start. */
  readonly shutdownShare: (settings: DeadlineSettings, leftMs: number) => number;
  /** What it may take of the reserve, after a stop request. */
  readonly reserveMs?: number;
  /** How long after its start a second signal ends it at the earliest; default: at once. */
  readonly abortAfterMs?: number;
  /** How long it goes on after a second signal; default: not at all. */
  readonly afterAbortMs?: number;
}

const FIRST_OF_TWO = 0.6;

/** How much of the time after a stop request goes into stopping, where the whole archive is still to be saved. */
const STOP_SHARE = 0.25;

/** What the journal needs for its last changes: the logs' last seconds, and the world that the server has saved. */
const FLUSH_MS = 10_000;

/** The time of every part of a session that a stop request may meet: the one table of deadlines. */
const SHUTDOWN_BUDGET = {
  preflight: { defaultMs: () => 30_000, shutdownShare: () => 0 },
  // Ample by default: two graces, the agent's own and its escalation's.
  stopProcesses: { defaultMs: ({ graceMs }) => 4 * graceMs + 10_000, shutdownShare: () => STOP_SHARE },
  // The server, and then whatever has outlived both children.
  stopServer: {
    defaultMs: ({ graceMs, serverGraceMs }) => serverGraceMs + 4 * graceMs + 10_000,
    shutdownShare: ({ hasJournal }, leftMs) =>
      hasJournal ? Math.max(0.5, 1 - FLUSH_MS / leftMs) : STOP_SHARE,
  },
  // How long the archive waits for the journal after a stop request, before both go on side by side.
  journalHeadStart: {
    defaultMs: () => 10_000,
    shutdownShare: ({ hasFallback }) => (hasFallback ? FIRST_OF_TWO : 1),
  },
  journalFlush: { defaultMs: ({ saveTimeoutMs }) => saveTimeoutMs, shutdownShare: () => 1 },
  archiveAtDestination: {
    defaultMs: ({ saveTimeoutMs, hasFallback }) => saveTimeoutMs * (hasFallback ? FIRST_OF_TWO : 1),
    shutdownShare: ({ hasFallback }) => (hasFallback ? FIRST_OF_TWO : 1),
  },
  archiveAtFallback: { defaultMs: ({ saveTimeoutMs }) => saveTimeoutMs, shutdownShare: () => 1 },
  report: { defaultMs: () => 60_000, shutdownShare: () => 1, reserveMs: 1_500, abortAfterMs: 1_500 },
  // For telling others of the end, once the report is put: they are told beside that already.
  monitoring: { defaultMs: () => 5_000, shutdownShare: () => 1, reserveMs: 1_500, abortAfterMs: 1_000 },
  // By then the process leaves, whatever call still hangs: no other part needs it as long as calls can be ended.
  process: { defaultMs: () => Infinity, shutdownShare: () => 1, reserveMs: 1_700, afterAbortMs: 6_000 },
  // Both may be cut off at any moment: nobody depends on the one, and what is left of the other is marked as not needed.
  archiveIndex: { defaultMs: () => 30_000, shutdownShare: () => 1, reserveMs: 1_000 },
  deleteJournal: { defaultMs: () => 120_000, shutdownShare: () => 1, reserveMs: 1_000 },
} as const satisfies Record<string, Budget>;

export type DeadlinePart = keyof typeof SHUTDOWN_BUDGET;

/** Deadlines that a stop request, now or later, makes shorter: it never makes one longer. */
export function createDeadlines(signals: Signals, settings: DeadlineSettings): StartDeadline {
  return part => startDeadline(signals, SHUTDOWN_BUDGET[part], settings);
}

function startDeadline(signals: Signals, budget: Budget, settings: DeadlineSettings): Deadline {
  const startMs = performance.now();
  const expired = new AbortController();
  const defaultMs = budget.defaultMs(settings);
  let endMs = startMs + defaultMs;
  let timer = defaultMs === Infinity ? undefined : setTimeout(expire, defaultMs);

  if (signals.stopRequested.aborted) shorten();
  else signals.stopRequested.addEventListener('abort', shorten, { once: true });
  if (signals.aborted.aborted) abort();
  else signals.aborted.addEventListener('abort', abort, { once: true });

  function shorten(): void {
    const request = signals.stopRequest();
    if (request === undefined) return;
    const untilMs = request.atMs + settings.stopTimeoutMs - RESERVE_MS + (budget.reserveMs ?? 0);
    const fromMs = Math.max(startMs, request.atMs);
    const leftMs = Math.max(0, untilMs - fromMs);
    endBy(fromMs + leftMs * budget.shutdownShare(settings, leftMs));
  }

  function abort(): void {
    const nowMs = performance.now();
    const atMs = Math.max(startMs + (budget.abortAfterMs ?? 0), nowMs + (budget.afterAbortMs ?? 0));
    if (nowMs < atMs) endBy(atMs);
    else expired.abort(signals.aborted.reason);
  }

  function endBy(ms: number): void {
    endMs = Math.min(endMs, ms);
    clearTimeout(timer);
    timer = setTimeout(expire, Math.max(0, endMs - performance.now()));
  }

  function expire(): void {
    const seconds = Math.round((performance.now() - startMs) / 100) / 10;
    expired.abort(new Error(`its time was over after ${seconds} s`));
  }

  return {
    signal: expired.signal,
    leftMs: () => Math.max(0, endMs - performance.now()),
    [Symbol.dispose]() {
      clearTimeout(timer);
      signals.stopRequested.removeEventListener('abort', shorten);
      signals.aborted.removeEventListener('abort', abort);
    },
  };
}
