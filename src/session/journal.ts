import { quote } from 'shlex';
import type { Config } from '../config/session-config.ts';
import { type Journal, type JournalEnd, startJournal } from '../journal/writer/journal.ts';
import type { JournalProblem } from '../journal/writer/options.ts';
import { whenAborted } from '../runtime/abort.ts';
import type { Log } from '../runtime/log.ts';
import { limitTime, RESERVE_MS, type Stops } from '../runtime/signals.ts';
import { VERSION } from '../runtime/version.ts';
import type { Destination } from '../store/store.ts';

/** The journal of a session that is being played. */
export interface Recording {
  readonly journal: Journal;
  readonly destination: Destination;
  /** The folder of the session's key, as it was when the journal began. */
  readonly folder: string;
}

export interface JournalingTools {
  readonly log: Log;
  readonly stops: Stops;
}

/** A file that is rewritten again and again, such as a region file, must not crowd out the logs. */
const REWRITE_INTERVAL_MS = 60_000;

const HEARTBEAT_MS = 60_000;

/**
 * Begins to ship what changes in the working directory.
 * @returns undefined where there is no journal: it is off, or the archive stays in the working directory anyway.
 */
export function beginRecording(
  config: Config,
  { destination, folder, leaveOut }: Omit<Recording, 'journal'> & { readonly leaveOut: readonly string[] },
  log: Log,
): Recording | undefined {
  const { journal, save, timestamp, workdir } = config;
  if (journal.intervalMs === undefined || save.destination.kind === 'inside') return undefined;
  const { include, exclude, archiveName, codec } = save;
  const recorded = startJournal({
    selection: { root: workdir, include, exclude: [...exclude, ...journal.exclude], leaveOut },
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
    onProblem: problem => tell(problem, log),
  });
  return { journal: recorded, destination, folder };
}

/** What makes the archive of a session whose container has died. */
export function recoveryCommand({ destination, folder }: Recording): string {
  return `craftassist-session recover ${quote(`${destination.url}/${folder}`)}`;
}

const PROBLEMS = {
  unreachable: ['warn', 'the journal cannot be sent now; what is not sent stays on disk'],
  reachable: ['info', 'the journal can be sent again'],
  unreadable: ['warn', 'the journal cannot read a file'],
  blind: ['warn', 'the journal cannot look at the working directory'],
  taken: ['info', "another run's journal is there: this one goes beside it"],
  stopped: ['error', 'the journal has stopped; the archive does not need it'],
} as const satisfies Record<JournalProblem['kind'], readonly ['info' | 'warn' | 'error', string]>;

function tell(problem: JournalProblem, log: Log): void {
  const [level, text] = PROBLEMS[problem.kind];
  log[level](problem, text);
}

/** How long the archive waits for the journal's last changes, when nothing presses. */
const PATIENCE_MS = 10_000;

/** What of a stop request's time the last changes may take: all of it, unless the archive has somewhere else to go. */
const sharePressed = ({ save }: Config) => (save.fallback === undefined ? 1 : 0.6);

export interface LastChanges {
  /** Settles when everything is durable, or will not be. */
  readonly end: Promise<JournalEnd>;
  /** Nobody needs them any more: the archive is safe. */
  giveUp(): void;
}

/**
 * Sends the last changes first: once they are safe everything is, however large the session. It returns as soon as
 * they are, or when they take so long that the archive had better be begun beside them.
 */
export async function sendLastChanges(
  config: Config,
  { journal }: Recording,
  { stops, log }: JournalingTools,
): Promise<LastChanges> {
  const stopTimeoutMs = config.stop.timeoutMs;
  const enough = new AbortController();
  const limit = limitTime(stops, { normallyMs: config.save.timeoutMs, stopTimeoutMs, share: 1 });
  const end = journal.finish(AbortSignal.any([limit.signal, enough.signal])).then(result => {
    limit[Symbol.dispose]();
    if (!result.durable && !enough.signal.aborted) log.warn(result, 'the journal does not hold everything');
    return result;
  });
  using patience = limitTime(stops, { normallyMs: PATIENCE_MS, stopTimeoutMs, share: sharePressed(config) });
  await Promise.race([end, whenAborted(patience.signal)]);
  return { end, giveUp: () => enough.abort(new Error('the archive is safe')) };
}

/** How long the journal's removal may take; what is left of it then is marked as not needed. */
const REMOVAL_MS = 120_000;

/** Deletes the journal of a session whose archive is confirmed at its destination. It never rejects. */
export async function endRecording(
  config: Config,
  { journal }: Recording,
  { stops, log }: JournalingTools,
): Promise<void> {
  using limit = limitTime(stops, {
    normallyMs: REMOVAL_MS,
    // What was kept back for the end of the process serves for this as well: it may be cut off at any moment.
    stopTimeoutMs: config.stop.timeoutMs + RESERVE_MS / 2,
    share: 1,
  });
  const removal = await journal.remove(limit.signal);
  if (!removal.removed)
    log.warn({ why: removal.why }, 'the journal could not be deleted, and nobody needs it any more');
}
