import { mkdirSync, rmSync } from 'node:fs';
import type { SaveConfig } from '../../src/config/session-config.ts';
import { deleteJournal } from '../../src/journal/delete.ts';
import { type FoundJournal, findJournals, isLive, storeClock } from '../../src/journal/reader/find.ts';
import { createDeadlines } from '../../src/runtime/deadline.ts';
import type { Log } from '../../src/runtime/log.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import { findDamaged } from '../../src/save/earlier-recovery.ts';
import { recoverSession } from '../../src/save/recover.ts';
import { isDamaged } from '../../src/save/recovery-plan.ts';
import { isSavedAlready } from '../../src/save/recovery-report.ts';
import type { Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';

/** What a recovery made of one journal. */
export type Outcome = 'still written' | 'was saved' | 'recovered' | 'damaged';

export interface SimulatedRecovery {
  /** Once, as a scheduled `recover --all` does. @throws what it would tell */
  run(): Promise<Outcome[]>;
  /** As `SimulatedSession.kill`. */
  kill(): void;
}

export interface RecoveryOptions {
  readonly store: Store;
  readonly save: SaveConfig;
  readonly log: Log;
  /** A folder that is not there. */
  readonly scratch: string;
}

export function startRecovery({ store, save, log, scratch }: RecoveryOptions): SimulatedRecovery {
  const signals = createSignals();
  const retrying = withRetry(store);
  const signal = signals.stopRequested;

  async function recoverOne(journal: FoundJournal): Promise<Outcome> {
    const { prefix, status, session, unreadable } = journal;
    if (unreadable !== undefined) throw new Error(unreadable);
    const isEnded = status !== undefined && status.state !== 'writing';
    if (isLive(journal, isEnded ? Date.now() : await storeClock(retrying, prefix, signal)))
      return 'still written';
    if (await isSavedAlready(retrying, journal, signal)) {
      await deleteJournal(retrying, journal, { kind: 'saved-before', session }, signal);
      return 'was saved';
    }
    if ((await findDamaged(retrying, journal, signal)) !== undefined) return 'damaged';
    mkdirSync(scratch);
    try {
      const done = await recoverSession(retrying, journal, save, {
        log,
        progress: { start: () => ({ [Symbol.dispose]: () => undefined }) },
        startDeadline: createDeadlines(signals, {
          graceMs: 30_000,
          stopTimeoutMs: 30_000,
          saveTimeoutMs: 3_600_000,
          hasFallback: false,
        }),
        signal,
        scratch,
        discardDamaged: false,
      });
      return isDamaged(done) ? 'damaged' : 'recovered';
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  return {
    async run() {
      const outcomes: Outcome[] = [];
      for (const journal of await findJournals(retrying, '', signal))
        outcomes.push(await recoverOne(journal));
      return outcomes;
    },
    kill() {
      signals.onSignal('SIGTERM');
      signals.onSignal('SIGTERM');
    },
  };
}
