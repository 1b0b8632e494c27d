import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { recoverOne } from '../../src/cli/recover-one.ts';
import type { SessionConfig } from '../../src/config/session-config.ts';
import { findJournals } from '../../src/journal/reader/find.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import type { Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { NO_OUTPUT } from '../support/no-output.ts';

export interface SimulatedRecovery {
  /** Once, as each process of a scheduled `recover --all` does. @returns whether nobody else has a journal @throws what it would tell */
  run(): Promise<boolean>;
  /** As `SimulatedSession.kill`. */
  kill(): void;
}

export interface RecoveryOptions {
  readonly store: Store;
  readonly config: SessionConfig;
  /** What others are told of it. */
  readonly host: string;
  /** A folder that is not there. */
  readonly scratch: string;
  /** The session is known to be over, and its store does not tell. */
  readonly force: boolean;
}

export function startRecovery({ store, config, host, scratch, force }: RecoveryOptions): SimulatedRecovery {
  const signals = createSignals({ togetherMs: 0 });
  const destination = withRetry(store);
  mkdirSync(scratch);
  return {
    async run() {
      const told: string[] = [];
      const print = (line: string) => void told.push(line);
      const input = {
        env: {},
        cwd: scratch,
        args: [],
        terminal: false,
        signals,
        ...NO_OUTPUT,
        print,
        write: async () => undefined,
        printError: print,
      };
      const task = {
        config,
        input,
        destination,
        taker: { by: randomUUID(), host },
        all: true,
        force,
        'dry-run': false,
        'discard-damaged': false,
        scratch,
        saved: new Set<string>(),
      };
      for (const journal of await findJournals(destination, '', signals.stopRequested))
        await recoverOne(task, journal);
      return !told.some(line => /is (still being written|being (recovered|saved))/.test(line));
    },
    kill() {
      signals.onSignal('SIGTERM');
      signals.onSignal('SIGTERM');
    },
  };
}
