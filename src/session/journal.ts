import { quote } from 'shlex';
import type { SessionConfig } from '../config/session-config.ts';
import { deleteJournal } from '../journal/delete.ts';
import { type Journal, type JournalEnd, startJournal } from '../journal/writer/journal.ts';
import type { JournalProblem } from '../journal/writer/options.ts';
import { whenAborted } from '../runtime/abort.ts';
import { RESERVE_MS, startDeadline } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import type { Signals } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { VERSION } from '../runtime/version.ts';
import type { Receipt, Store } from '../store/store.ts';

/** The journal of a session that is being played. */
export interface SessionJournal {
  readonly journal: Journal;
  readonly destination: Store;
  /** The folder of the session's key, as it was when the journal began. */
  readonly folder: string;
}

export interface JournalingTools {
  readonly log: Log;
  readonly signals: Signals;
}

/** A file that is rewritten again and again, such as a region file, must not crowd out the logs. */
const REWRITE_INTERVAL_MS = 60_000;

const HEARTBEAT_MS = 60_000;

/**
 * Begins to ship what changes in the working directory.
 * @returns undefined where there is no journal: it is off, or the archive stays in the working directory anyway.
 */
export function startSessionJournal(
  config: SessionConfig,
  {
    destination,
    folder,
    excludedPaths,
  }: Omit<SessionJournal, 'journal'> & { readonly excludedPaths: readonly string[] },
  log: Log,
): SessionJournal | undefined {
  const { journal, save, timestamp, workdir } = config;
  if (journal.intervalMs === undefined || save.destination.kind === 'inside') return undefined;
  const { include, exclude, archiveName, codec } = save;
  const recorded = startJournal({
    selection: { root: workdir, include, exclude: [...exclude, ...journal.exclude], excludedPaths },
    intervalMs: journal.intervalMs,
    rewriteIntervalMs: REWRITE_INTERVAL_MS,
    heartbeatMs: HEARTBEAT_MS,
    destination,
    prefix: `${folder}/journal`,
    about: {
      session: timestamp,
      archiveName,
      codec,
      include: [...include],
      exclude: [...exclude],
      version: VERSION,
    },
    onProblem: problem => logProblem(problem, log),
  });
  return { journal: recorded, destination, folder };
}

/** What makes the archive of a session whose container has died. */
export function recoveryCommand({ destination, folder }: SessionJournal): string {
  return `craftassist-session recover ${quote(`${destination.url}/${folder}`)}`;
}

function logProblem({ kind, ...fields }: JournalProblem, log: Log): void {
  switch (kind) {
    case 'unreachable':
      log.warn({ event: 'journal_upload_failing', ...fields }, 'journal upload failing, retrying');
      return;
    case 'reachable':
      log.info({ event: 'journal_upload_recovered', ...fields }, 'journal upload recovered');
      return;
    case 'unreadable':
      log.warn({ event: 'journal_file_unreadable', ...fields }, 'journal cannot read a file');
      return;
    case 'blind':
      log.warn({ event: 'journal_scan_failed', ...fields }, 'journal cannot list the working directory');
      return;
    case 'taken':
      log.info({ event: 'journal_prefix_taken', ...fields }, 'journal prefix in use by another run');
      return;
    case 'stopped':
      log.error({ event: 'journal_stopped', ...fields }, 'journal stopped by an internal error');
      return;
    default:
      kind satisfies never;
  }
}

/** How long the archive waits for the journal's last changes, when nothing presses. */
const PATIENCE_MS = 10_000;

/** What of a stop request's time the last changes may take: all of it, unless the archive has somewhere else to go. */
const sharePressed = ({ save }: SessionConfig) => (save.fallback === undefined ? 1 : 0.6);

export interface JournalFlush {
  /** Settles when everything is durable, or will not be. */
  readonly end: Promise<JournalEnd>;
  /** Nobody needs them any more: the archive is safe. */
  giveUp(): void;
}

/**
 * Sends the last changes first: once they are safe everything is, however large the session. It returns as soon as
 * they are, or when they take so long that the archive had better be begun beside them.
 */
export async function flushJournal(
  config: SessionConfig,
  { journal }: SessionJournal,
  { signals, log }: JournalingTools,
): Promise<JournalFlush> {
  const stopTimeoutMs = config.stop.timeoutMs;
  const enough = new AbortController();
  const limit = startDeadline(signals, { defaultMs: config.save.timeoutMs, stopTimeoutMs, shutdownShare: 1 });
  const end = journal.finish(AbortSignal.any([limit.signal, enough.signal])).then(result => {
    limit[Symbol.dispose]();
    if (!result.durable && !enough.signal.aborted)
      log.warn({ event: 'journal_incomplete', ...result }, 'journal is incomplete');
    return result;
  });
  using patience = startDeadline(signals, {
    defaultMs: PATIENCE_MS,
    stopTimeoutMs,
    shutdownShare: sharePressed(config),
  });
  await Promise.race([end, whenAborted(patience.signal)]);
  return { end, giveUp: () => enough.abort(new Error('the archive is safe')) };
}

/** How long the journal's removal may take; what is left of it then is marked as not needed. */
const REMOVAL_MS = 120_000;

/** Deletes the journal of a session whose archive is confirmed at its destination. It never rejects. */
export async function deleteSessionJournal(
  config: SessionConfig,
  { journal, destination }: SessionJournal,
  receipt: Receipt,
  { signals, log }: JournalingTools,
): Promise<void> {
  using limit = startDeadline(signals, {
    defaultMs: REMOVAL_MS,
    // What was kept back for the end of the process serves for this as well: it may be cut off at any moment.
    stopTimeoutMs: config.stop.timeoutMs + RESERVE_MS / 2,
    shutdownShare: 1,
  });
  const stored = journal.stored();
  if (stored === undefined) return;
  try {
    await deleteJournal(destination, stored, { kind: 'verified-receipt', receipt }, limit.signal);
  } catch (error) {
    log.warn(
      { event: 'journal_not_deleted', why: errorText(error) },
      'journal not deleted; safe to delete by hand',
    );
  }
}
