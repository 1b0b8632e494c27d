import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { archiverAhead } from '../../src/archive/archiver-ahead.ts';
import { parseSessionConfig } from '../../src/config/session.ts';
import type { SessionConfig } from '../../src/config/session-config.ts';
import { writeReport } from '../../src/report/write.ts';
import { createDeadlines } from '../../src/runtime/deadline.ts';
import type { Log } from '../../src/runtime/log.ts';
import { createSignals, type SignalController } from '../../src/runtime/signals.ts';
import { readVersion } from '../../src/runtime/version.ts';
import { createClaims } from '../../src/session/claims.ts';
import { deleteSessionJournal, startSessionJournal } from '../../src/session/journal.ts';
import { makeReport } from '../../src/session/report.ts';
import type { SessionRuntime } from '../../src/session/runtime.ts';
import { saveSession } from '../../src/session/save-session.ts';
import { createStatus } from '../../src/session/status.ts';
import type { Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';

export const TIMESTAMP = '2025-01-01T00:00:00';

/** The configuration of every simulated session. @param workdir an absolute path */
export function configOf(workdir: string): SessionConfig {
  const env = {
    TIMESTAMP,
    SESSION_WORKDIR: workdir,
    SESSION_DESTINATION: 's3://bucket',
    SESSION_SERVER_COMMAND: '["server"]',
    SESSION_AGENT_COMMAND: '["agent"]',
    SESSION_GZIP_LEVEL: '1',
    SESSION_LOG_LEVEL: 'silent',
  };
  return parseSessionConfig(env, { cwd: workdir, terminal: false, now: new Date() }).config;
}

/** A session without its processes: its journal from the start, its archive at the end. */
export interface SimulatedSession {
  /** Ends it as its processes' end does. @returns where it says that everything is */
  end(): Promise<'archive' | 'journal' | 'lost'>;
  /** Its process is killed: whatever it waits for ends, once nothing of it gets through any more. */
  kill(): void;
}

export async function startSession(store: Store, config: SessionConfig, log: Log): Promise<SimulatedSession> {
  const signals = createSignals({ togetherMs: 0 });
  const runtime = createRuntime(withRetry(store), config, log, signals);
  const startedAtMs = Date.now();
  runtime.claims.at(config.save.destination);
  const journal = await startSessionJournal(runtime);
  if (journal === undefined) throw new Error('there is no journal');
  return {
    async end() {
      const saving = await saveSession(runtime, journal, archiverAhead(undefined));
      const { archive, saved } = saving;
      const end = { kind: 'everybody-left' } as const;
      const result = { end, run: undefined, journal, ...saving };
      const hostInfo = { version: readVersion(), ecs: undefined, droidlet: undefined, oomKills: 0 };
      const report = makeReport(runtime, result, { startedAtMs, notices: [], ...hostInfo });
      const isArchived = archive?.how === 'archive';
      await writeReport(report, {
        targets: isArchived ? [{ store: archive.store, key: archive.reportKey }] : [],
        workdir: undefined,
        startDeadline: () => runtime.startDeadline('report'),
        log,
      });
      if (saved.how === 'archive' && isArchived && archive.receipt.verified)
        await deleteSessionJournal(journal, archive.receipt, runtime);
      await runtime[Symbol.asyncDispose]();
      return saved.how === 'nothing-to-save' ? 'lost' : saved.how;
    },
    kill() {
      signals.onSignal('SIGTERM');
      signals.onSignal('SIGTERM');
      runtime.claims.close();
      void journal.started()?.journal.finish(AbortSignal.abort(new Error('killed')));
      journal.cancel();
    },
  };
}

function createRuntime(
  store: Store,
  config: SessionConfig,
  log: Log,
  signals: SignalController,
): SessionRuntime {
  const { stop, save } = config;
  const openStore = async () => store;
  const claims = createClaims({ config, run: randomUUID(), log, openStore });
  return {
    config,
    log,
    signals,
    claims,
    openStore,
    startDeadline: createDeadlines(signals, {
      graceMs: stop.graceMs,
      serverGraceMs: config.server.stopGraceMs,
      hasJournal: true,
      stopTimeoutMs: stop.timeoutMs,
      saveTimeoutMs: save.timeoutMs,
      hasFallback: false,
    }),
    progress: { start: () => ({ [Symbol.dispose]: () => undefined }) },
    status: createStatus(log, undefined),
    user: undefined,
    workdirAtStart: () => statSync(config.workdir, { bigint: true }),
    hasWorkdir: async () => true,
    closeLogFile: async () => undefined,
    async [Symbol.asyncDispose]() {
      claims.close();
    },
  };
}
