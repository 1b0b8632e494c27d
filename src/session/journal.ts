import { tmpdir } from 'node:os';
import { deleteJournal } from '../journal/delete.ts';
import type { People } from '../journal/format/people.ts';
import { type Journal, startJournal } from '../journal/writer/journal.ts';
import type { JournalProblem } from '../journal/writer/options.ts';
import { createRegionCheck } from '../minecraft/region-file.ts';
import { sessionFolder } from '../report/session-folder.ts';
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
    status.setJournal(journal.report);
    return { journal, name };
  };
}

function presentPeople(status: SessionStatus): People | undefined {
  const people = status.people();
  if (people === undefined || people.isUnknown) return undefined;
  const { now, dashboard, agentInGame, peak } = people;
  return { present: now, dashboard, agentInGame, peak };
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
