import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { DestinationUrl, SessionConfig } from '../config/session-config.ts';
import { isSilent } from '../files/left-out.ts';
import { type FolderId, isSameFolder, statNow } from '../journal/writer/file-stat.ts';
import type { User } from '../process/user.ts';
import { createDeadlines, type StartDeadline } from '../runtime/deadline.ts';
import type { Log, LogOutputs } from '../runtime/log.ts';
import type { Progress } from '../runtime/progress.ts';
import type { Signals } from '../runtime/signals.ts';
import { newUuid } from '../runtime/uuid.ts';
import type { StoreObserver } from '../store/observer.ts';
import { openStore } from '../store/open.ts';
import { logRetries } from '../store/retry-log.ts';
import type { Store } from '../store/store.ts';
import { createClaims, type SessionClaims } from './claims.ts';
import { createStatus, type SessionStatus } from './status.ts';

/** What every part of a session works with: the one context. */
export interface SessionRuntime extends AsyncDisposable {
  readonly config: SessionConfig;
  readonly log: Log;
  readonly signals: Signals;
  readonly startDeadline: StartDeadline;
  readonly progress: Progress;
  readonly status: SessionStatus;
  /** Its names at its destinations; what it writes tells them, and the run, from all others. */
  readonly claims: SessionClaims;
  /** Whom the children run as; undefined: as the supervisor does. */
  readonly user: User | undefined;
  /** What tells the working directory from one that takes its place. */
  workdirAtStart(): FolderId;
  /** Whether what is at the path of the working directory answers, and is still what was there when the session began. */
  hasWorkdir(): Promise<boolean>;
  /** Opens a destination, each once. */
  openStore(url: DestinationUrl): Promise<Store>;
  /** Closes the log's file, which is about to be archived. */
  closeLogFile(): Promise<void>;
}

export interface RuntimeOptions extends Pick<SessionRuntime, 'config' | 'signals' | 'progress' | 'user'> {
  readonly outputs: LogOutputs;
}

/** Disposed of, it closes the stores. */
export function createRuntime({ outputs, ...options }: RuntimeOptions): SessionRuntime {
  const { config, signals } = options;
  const { log } = outputs;
  const { save, workdir } = config;
  const run = newUuid();
  // As long as it is open its inode has one number: overlayfs may give a folder another one after its first change.
  const openWorkdir = openSync(workdir, constants.O_DIRECTORY);
  const workdirAtStart = () => fstatSync(openWorkdir, { bigint: true });
  const opened = new Map<DestinationUrl, Promise<Store>>();
  const openOnce = (url: DestinationUrl) => {
    const opening = opened.get(url) ?? openStore(url, { s3: save.s3, run, ...observeStore(log, status) });
    opened.set(url, opening);
    return opening;
  };
  const status = createStatus(log, config.server.stopCommand);
  const claims = createClaims({ config, run, log, openStore: openOnce });
  return {
    ...options,
    log,
    claims,
    workdirAtStart,
    async hasWorkdir() {
      if (await isSilent(workdir)) return false;
      const now = statNow(workdir);
      return now !== undefined && isSameFolder(workdirAtStart(), now);
    },
    startDeadline: deadlinesOf(config, signals),
    status,
    progress: {
      start(totals, counts) {
        status.setArchive(counts);
        return options.progress.start(totals, counts);
      },
    },
    openStore: openOnce,
    closeLogFile: outputs.closeFile,
    async [Symbol.asyncDispose]() {
      claims.close();
      closeSync(openWorkdir);
      for (const opening of await Promise.allSettled(opened.values()))
        if (opening.status === 'fulfilled') opening.value.close();
    },
  };
}

function observeStore(log: Log, status: SessionStatus): StoreObserver {
  const logged = logRetries(log);
  return {
    ...logged,
    onRetry(event) {
      if (event.waitMs !== undefined) status.requestRetried();
      logged.onRetry?.(event);
    },
  };
}

/** The deadlines of a session, whose configuration is all that they need. */
export function deadlinesOf({ journal, save, server, stop }: SessionConfig, signals: Signals): StartDeadline {
  return createDeadlines(signals, {
    graceMs: stop.graceMs,
    serverGraceMs: server.stopGraceMs,
    hasJournal: journal.intervalMs !== undefined && save.destination.kind !== 'inside',
    stopTimeoutMs: stop.timeoutMs,
    saveTimeoutMs: save.timeoutMs,
    hasFallback: save.fallback !== undefined,
  });
}
