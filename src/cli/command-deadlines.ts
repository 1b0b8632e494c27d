import type { SessionConfig } from '../config/session-config.ts';
import { createDeadlines, type StartDeadline } from '../runtime/deadline.ts';
import type { Signals } from '../runtime/signals.ts';

/** The deadlines of a command that makes an archive at one destination, with no session that runs beside it. */
export function commandDeadlines({ save, server, stop }: SessionConfig, signals: Signals): StartDeadline {
  return createDeadlines(signals, {
    graceMs: stop.graceMs,
    serverGraceMs: server.stopGraceMs,
    hasJournal: false,
    stopTimeoutMs: stop.timeoutMs,
    saveTimeoutMs: save.timeoutMs,
    hasFallback: false,
  });
}
