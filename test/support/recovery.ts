import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { recoverOne } from '../../src/cli/recover-one.ts';
import { configFor } from '../../src/cli/session-url.ts';
import { findJournals } from '../../src/journal/reader/find.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import type { Store } from '../../src/store/store.ts';
import { NO_OUTPUT } from './no-output.ts';

export interface RecoveryEnd {
  /** undefined: it has thrown. */
  readonly code: number | undefined;
  /** What was printed, and thrown. */
  readonly lines: readonly string[];
}

export interface RecoverySettings {
  /** Where the working directory is rebuilt, in a folder of its own. */
  readonly scratch: string;
  readonly options?: { readonly 'discard-damaged'?: boolean; readonly force?: boolean };
}

/** A folder for recoveries, gone when the test is. */
export async function openScratchBase(): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'recovery-'));
  onTestFinished(() => rm(scratch, { recursive: true, force: true }));
  return scratch;
}

/** Recovers the only journal of a store in this process, as `recover --force` does. */
export async function recoverOnly(
  destination: Store,
  { scratch, options }: RecoverySettings,
): Promise<RecoveryEnd> {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const signals = createSignals();
  const env = { SESSION_LOG_LEVEL: 'silent' };
  const input = { env, cwd: scratch, args: [], terminal: false, signals, print, printError: print };
  const task = {
    config: configFor(destination.url, env, scratch),
    input: { ...input, ...NO_OUTPUT, write: async () => undefined },
    destination,
    taker: { by: randomUUID(), host: 'here' },
    all: false,
    force: true,
    'dry-run': false,
    'discard-damaged': false,
    scratch,
    saved: new Set<string>(),
    ...options,
  };
  const [journal, ...others] = await findJournals(destination, '', signals.stopRequested);
  if (journal === undefined || others.length > 0) throw new Error('there is not one journal');
  try {
    return { code: await recoverOne(task, journal), lines };
  } catch (error) {
    return { code: undefined, lines: [...lines, String(error)] };
  }
}
