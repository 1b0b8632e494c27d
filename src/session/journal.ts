import { tmpdir } from 'node:os';
import { deleteJournal } from '../journal/delete.ts';
import type { People } from '../journal/format/people.ts';
import { type Journal, type JournalEnd, startJournal } from '../journal/writer/journal.ts';
import type { JournalProblem } from '../journal/writer/options.ts';
import { createRegionCheck } from '../minecraft/region-file.ts';
import { sessionFolder } from '../report/session-folder.ts';
import { orAborted, whenAborted, within } from '../runtime/abort.ts';
import type { Log } from '../runtime/log.ts';
import { errorText } from '../runtime/text.ts';
import { VERSION } from '../runtime/version.ts';
import { PermanentError, type Receipt, type Store } from '../store/store.ts';
import { logProblem } from './journal-problems.ts';
import type { SessionRuntime } from './runtime.ts';
import type { SessionStatus } from './status.ts';
import { excludedPaths } from './workdir.ts';

/** The journal of a session that runs. */
export interface SessionJournal {
  readonly store: Store;
  /** undefined: nothing is written before the session has its name. */
  started(): StartedJournal | undefined;
  /** Rejects when the session will have no name there. */
  readonly whenStarted: Promise<StartedJournal>;
  /** One that is not started yet never is. */
  cancel(): void;
}

interface StartedJournal {
  readonly journal: Journal;
  /** The session's name at the store. */
  readonly name: string;
}

/** A file that is rewritten again and again, such as a picture, must not crowd out the logs. */
const REWRITE_INTERVAL_MS = 60_000;

/**
 * Where the world is saved more often, every save is in the journal with the scan that follows it: as that may come at
 * once or an interval later, so much sooner than the next save.
 */
function rewriteIntervalMs(saveIntervalMs: number | undefined, intervalMs: number): number {
  if (saveIntervalMs === undefined) return REWRITE_INTERVAL_MS;
  return Math.min(REWRITE_INTERVAL_MS, Math.max(saveIntervalMs / 2, saveIntervalMs - intervalMs));
}

const HEARTBEAT_MS = 60_000;

/**
 * Starts to upload what changes in the working directory, as soon as the session has its name there. A session without a
 * journal is a session still.
 * @returns undefined where there is no journal: it is off, could not be started, or the archive stays in the working
 *   directory anyway.
 */
export async function startSessionJournal(runtime: SessionRuntime): Promise<SessionJournal | undefined> {
  const { config, log, openStore } = runtime;
  const { journal, save } = config;
  if (journal.intervalMs === undefined || save.destination.kind === 'inside') return undefined;
  try {
    const store = await openStore(save.destination);
    const over = new AbortController();
    let started: StartedJournal | undefined;
    const whenStarted = startWhenClaimed(store, journal.intervalMs, runtime).then(start => {
      over.signal.throwIfAborted();
      started = start();
      return started;
    });
    whenStarted.catch((error: unknown) => {
      // All other claims end with the session, which has told why it is not saved.
      if (error instanceof PermanentError) logUnavailable(error, log);
    });
    return {
      store,
      started: () => started,
      whenStarted,
      cancel: () => over.abort(new Error('the session is over')),
    };
  } catch (error) {
    logUnavailable(error, log);
    return undefined;
  }
}

function logUnavailable(error: unknown, log: Log): void {
  log.error({ event: 'journal_unavailable', err: error }, 'journal could not be started');
}

/** @returns what starts it */
async function startWhenClaimed(
  store: Store,
  intervalMs: number,
  { config, log, claims, status, workdirAtStart }: SessionRuntime,
): Promise<() => StartedJournal> {
  const { journal, labels, save, server, workdir } = config;
  const sinceMs = Date.now();
  const { include, exclude, archiveName, codec, key, experiment } = save;
  const { name, conditions, isReadable } = await claims.at(save.destination).whenClaimed;
  const options = {
    selection: {
      root: workdir,
      include,
      exclude: [...exclude, ...journal.exclude],
      excludedPaths: await excludedPaths(config, name),
    },
    rootAtStart: workdirAtStart,
    intervalMs,
    rewriteIntervalMs: rewriteIntervalMs(server.worldSave.intervalMs, intervalMs),
    contentCheck: createRegionCheck(),
    heartbeatMs: HEARTBEAT_MS,
    scratch: tmpdir(),
    destination: store,
    prefix: `${sessionFolder(name)}/journal`,
    run: claims.claimant.run,
    ifAbsent: conditions !== 'refused',
    // What is in its way it has to be able to tell from its own segments.
    heedsFences: conditions === 'honoured' && isReadable,
    sinceMs,
    about: {
      session: name,
      labels: labels && { ...labels },
      key,
      experiment,
      archiveName,
      codec,
      include: [...include],
      exclude: [...exclude],
      version: VERSION,
    },
    people: () => presentPeople(status),
    onProblem: (problem: JournalProblem) => logProblem(problem, log),
  };
  return () => {
    const journal = startJournal(options);
    status.onPeopleChange(journal.tellPeople);
    return { journal, name };
  };
}

function presentPeople(status: SessionStatus): People | undefined {
  const people = status.people();
  if (people === undefined || people.isUnknown) return undefined;
  const { now, dashboard, agentInGame, peak } = people;
  return { present: now, dashboard, agentInGame, peak };
}

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
 * since once they are durable everything is, however large the session; and whatever is left of them has all cores.
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
  const yields = () => isBeside && !stopRequested.aborted;
  const end = finish(sessionJournal, runtime, signal, yields).then(result => {
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
  if (stopRequested.aborted) await Promise.race([end, whenAborted(headStart.signal)]);
  isBeside = true;
  return {
    end,
    cancel: () => cancelled.abort(new Error('the archive is saved')),
    hurry: () => {
      isBeside = false;
    },
  };
}

/** It never rejects. */
async function finish(
  { started, whenStarted, cancel }: SessionJournal,
  { config, claims }: SessionRuntime,
  signal: AbortSignal,
  yields: () => boolean,
): Promise<JournalEnd> {
  try {
    await claims.at(config.save.destination).claimNow(signal);
    const { journal } = await orAborted(whenStarted, signal);
    return await journal.finish(signal, yields);
  } catch (error) {
    cancel();
    // One that has started at this very moment would go on for ever.
    await started()?.journal.finish(AbortSignal.abort(error));
    const why = errorText(error);
    return { durable: false, isEnded: false, unreadable: undefined, why, files: 0, bytes: 0 };
  }
}

/** Deletes the journal of a session whose archive is verified at its destination. It never rejects. */
export async function deleteSessionJournal(
  { started, store }: SessionJournal,
  receipt: Receipt,
  { log, startDeadline, claims }: SessionRuntime,
): Promise<void> {
  const stored = started()?.journal.stored();
  if (stored === undefined) return;
  using deadline = startDeadline('deleteJournal');
  const { prefix } = stored;
  try {
    const { run: by, host } = claims.claimant;
    const evidence = { kind: 'verified-receipt', receipt, session: { by, host } } as const;
    await deleteJournal(store, stored, evidence, { signal: deadline.signal, fences: 'none' });
    log.info({ event: 'journal_deleted', prefix }, 'journal deleted');
  } catch (error) {
    log.warn(
      { event: 'journal_not_deleted', why: errorText(error) },
      'journal not deleted; safe to delete by hand',
    );
  }
}
