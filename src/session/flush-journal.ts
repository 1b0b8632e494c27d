import type { JournalEnd } from '../journal/writer/journal.ts';
import type { Pace } from '../journal/writer/options.ts';
import { orAborted, whenAborted, within } from '../runtime/abort.ts';
import { errorText } from '../runtime/text.ts';
import type { SessionJournal } from './journal.ts';
import type { SessionRuntime } from './runtime.ts';

export interface JournalFlush {
  /** Settles when everything is durable, or will not be. */
  readonly end: Promise<JournalEnd>;
  /** Nobody needs the rest any more: the archive is saved. */
  cancel(): void;
  /** There is no archive beside it any more, and everything depends on it. */
  hurry(): void;
}

/** Most journals hold everything by then; one that is behind does not hold up the archive. */
const HEAD_START_MS = 250;

/**
 * Uploads the last changes. It returns as soon as they are durable, or when the archive had better be begun beside them:
 * at once, with most of the cores for itself, where the session has all its time. After a stop request they come first,
 * on all cores, since once they are durable everything is, however large the session; what is left of them then has one,
 * since an archive takes most of the memory that a container may have left. A stop request that comes while both go on
 * gives them all cores.
 */
export async function flushJournal(
  sessionJournal: SessionJournal,
  runtime: SessionRuntime,
): Promise<JournalFlush> {
  const { log, signals, startDeadline } = runtime;
  const startMs = performance.now();
  const backlog = sessionJournal.started()?.journal.report().backlog;
  log.info(
    { event: 'journal_flush_started', files: backlog?.files, bytes: backlog?.bytes },
    'flushing the journal',
  );
  const cancelled = new AbortController();
  const deadline = startDeadline('journalFlush');
  const signal = AbortSignal.any([deadline.signal, cancelled.signal]);
  const { stopRequested } = signals;
  let isBeside = false;
  let isAlone = false;
  let hadHeadStart = false;
  const pace = () => {
    if (isAlone || (stopRequested.aborted && !hadHeadStart)) return 'all-cores';
    // An archive that is about to begin needs the memory.
    return isBeside && !stopRequested.aborted ? 'quarter-core' : 'one-core';
  };
  const end = finish(sessionJournal, runtime, signal, pace).then(result => {
    deadline[Symbol.dispose]();
    const afterMs = Math.round(performance.now() - startMs);
    if (result.durable) log.info({ event: 'journal_flushed', afterMs }, 'journal holds everything');
    else if (!cancelled.signal.aborted) {
      const { durable, why, files, bytes } = result;
      log.warn({ event: 'journal_incomplete', durable, why, files, bytes }, 'journal is incomplete');
    }
    return result;
  });
  using headStart = startDeadline('journalHeadStart');
  await within(HEAD_START_MS, end, stopRequested);
  if (stopRequested.aborted) {
    await Promise.race([end, whenAborted(headStart.signal)]);
    hadHeadStart = true;
  }
  isBeside = true;
  return {
    end,
    cancel: () => cancelled.abort(new Error('the archive is saved')),
    hurry: () => {
      isAlone = true;
    },
  };
}

/** It never rejects. */
async function finish(
  { started, whenStarted, cancel }: SessionJournal,
  { config, claims }: SessionRuntime,
  signal: AbortSignal,
  pace: () => Pace,
): Promise<JournalEnd> {
  try {
    await claims.at(config.save.destination).claimNow(signal);
    const { journal } = await orAborted(whenStarted, signal);
    return await journal.finish(signal, pace);
  } catch (error) {
    cancel();
    // One that has started at this very moment would go on for ever.
    await started()?.journal.finish(AbortSignal.abort(error));
    const why = errorText(error);
    return { durable: false, isEnded: false, unreadable: undefined, why, files: 0, bytes: 0 };
  }
}
