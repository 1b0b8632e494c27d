import type { DestinationUrl, SessionConfig } from '../config/session-config.ts';
import type { User } from '../process/user.ts';
import { createDeadlines, type StartDeadline } from '../runtime/deadline.ts';
import type { Log, LogOutputs } from '../runtime/log.ts';
import type { Progress } from '../runtime/progress.ts';
import type { Signals } from '../runtime/signals.ts';
import { openStore } from '../store/open.ts';
import { logRetries } from '../store/retry-log.ts';
import type { Store } from '../store/store.ts';
import { createStatus, type SessionStatus } from './status.ts';

/** What every part of a session works with: the one context. */
export interface SessionRuntime extends AsyncDisposable {
  readonly config: SessionConfig;
  readonly log: Log;
  readonly signals: Signals;
  readonly startDeadline: StartDeadline;
  readonly progress: Progress;
  readonly status: SessionStatus;
  /** Whom the children run as; undefined: as the supervisor does. */
  readonly user: User | undefined;
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
  const { save, stop } = config;
  const opened = new Map<DestinationUrl, Promise<Store>>();
  return {
    ...options,
    log,
    startDeadline: createDeadlines(signals, {
      graceMs: stop.graceMs,
      stopTimeoutMs: stop.timeoutMs,
      saveTimeoutMs: save.timeoutMs,
      hasFallback: save.fallback !== undefined,
    }),
    status: createStatus(log),
    openStore(url) {
      const opening = opened.get(url) ?? openLoggedStore(url, config, log);
      opened.set(url, opening);
      return opening;
    },
    closeLogFile: outputs.closeFile,
    async [Symbol.asyncDispose]() {
      for (const opening of await Promise.allSettled(opened.values()))
        if (opening.status === 'fulfilled') opening.value.close();
    },
  };
}

function openLoggedStore(url: DestinationUrl, { save }: SessionConfig, log: Log): Promise<Store> {
  return openStore(url, { s3: save.s3, ...logRetries(log) });
}
