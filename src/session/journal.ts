import { quote } from 'shlex';
import { deleteJournal } from '../journal/delete.ts';
import { type Journal, type JournalEnd, startJournal } from '../journal/writer/journal.ts';
import type { JournalProblem } from '../journal/writer/options.ts';
import { whenAborted } from '../runtime/abort.ts';
import type { Log } from '../runtime/log.ts';
import { errorText } from '../runtime/text.ts';
import { VERSION } from '../runtime/version.ts';
import { sessionFolder } from '../save/experiment-id.ts';
import type { Receipt, Store } from '../store/store.ts';
import type { SessionRuntime } from './runtime.ts';
import { excludedPaths } from './workdir.ts';

/** The journal of a session that runs. */
export interface SessionJournal {
  readonly journal: Journal;
  readonly store: Store;
  /** The folder of the session's key, as it was when the journal began. */
  readonly folder: string;
}

/** A file that is rewritten again and again, such as a region file, must not crowd out the logs. */
const REWRITE_INTERVAL_MS = 60_000;

const HEARTBEAT_MS = 60_000;

/**
 * Starts to upload what changes in the working directory. A session without a journal is a session still.
 * @returns undefined where there is no journal: it is off, could not be started, or the archive stays in the working
 *   directory anyway.
 */
export async function startSessionJournal({
  config,
  log,
  openStore,
}: SessionRuntime): Promise<SessionJournal | undefined> {
  const { journal, save, timestamp, workdir } = config;
  if (journal.intervalMs === undefined || save.destination.kind === 'inside') return undefined;
  const { include, exclude, archiveName, codec } = save;
  try {
    const { folder } = await sessionFolder(workdir, timestamp);
    const store = await openStore(save.destination);
    const started = startJournal({
      selection: {
        root: workdir,
        include,
        exclude: [...exclude, ...journal.exclude],
        excludedPaths: await excludedPaths(config),
      },
      intervalMs: journal.intervalMs,
      rewriteIntervalMs: REWRITE_INTERVAL_MS,
      heartbeatMs: HEARTBEAT_MS,
      destination: store,
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
    return { journal: started, store, folder };
  } catch (error) {
    log.error({ event: 'journal_unavailable', err: error }, 'journal could not be started');
    return undefined;
  }
}

/** The command that makes the archive of a session that only its journal holds. */
export function recoveryCommand({ store, folder }: SessionJournal): string {
  return `craftassist-session recover ${quote(`${store.url}/${folder}`)}`;
}

function logProblem({ kind, ...fields }: JournalProblem, log: Log): void {
  switch (kind) {
    case 'upload-failing':
      log.warn({ event: 'journal_upload_failing', ...fields }, 'journal upload failing, retrying');
      return;
    case 'upload-recovered':
      log.info({ event: 'journal_upload_recovered', ...fields }, 'journal upload recovered');
      return;
    case 'file-unreadable':
      log.warn({ event: 'journal_file_unreadable', ...fields }, 'journal cannot read a file');
      return;
    case 'scan-failed':
      log.warn({ event: 'journal_scan_failed', ...fields }, 'journal cannot list the working directory');
      return;
    case 'prefix-taken':
      log.info({ event: 'journal_prefix_taken', ...fields }, 'journal prefix in use by another run');
      return;
    case 'stopped':
      log.error({ event: 'journal_stopped', ...fields }, 'journal stopped by an internal error');
      return;
    default:
      kind satisfies never;
  }
}

export interface JournalFlush {
  /** Settles when everything is durable, or will not be. */
  readonly end: Promise<JournalEnd>;
  /** Nobody needs the rest any more: the archive is saved. */
  cancel(): void;
}

/**
 * Uploads the last changes first: once they are durable everything is, however large the session. It returns as soon
 * as they are, or when they take so long that the archive had better be begun beside them.
 */
export async function flushJournal(
  { journal }: SessionJournal,
  { log, startDeadline }: SessionRuntime,
): Promise<JournalFlush> {
  const startMs = performance.now();
  const { backlog } = journal.report();
  log.info(
    { event: 'journal_flush_started', files: backlog.files, bytes: backlog.bytes },
    'flushing the journal',
  );
  const cancelled = new AbortController();
  const deadline = startDeadline('journalFlush');
  const end = journal.finish(AbortSignal.any([deadline.signal, cancelled.signal])).then(result => {
    deadline[Symbol.dispose]();
    const afterMs = Math.round(performance.now() - startMs);
    if (result.durable) log.info({ event: 'journal_flushed', afterMs }, 'journal holds everything');
    else if (!cancelled.signal.aborted)
      log.warn({ event: 'journal_incomplete', ...result }, 'journal is incomplete');
    return result;
  });
  using headStart = startDeadline('journalHeadStart');
  await Promise.race([end, whenAborted(headStart.signal)]);
  return { end, cancel: () => cancelled.abort(new Error('the archive is saved')) };
}

/** Deletes the journal of a session whose archive is verified at its destination. It never rejects. */
export async function deleteSessionJournal(
  { journal, store }: SessionJournal,
  receipt: Receipt,
  { log, startDeadline }: SessionRuntime,
): Promise<void> {
  const stored = journal.stored();
  if (stored === undefined) return;
  using deadline = startDeadline('deleteJournal');
  const { prefix } = stored;
  try {
    await deleteJournal(store, stored, { kind: 'verified-receipt', receipt }, deadline.signal);
    log.info({ event: 'journal_deleted', prefix }, 'journal deleted');
  } catch (error) {
    log.warn(
      { event: 'journal_not_deleted', why: errorText(error) },
      'journal not deleted; safe to delete by hand',
    );
  }
}
