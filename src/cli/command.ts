import { ConfigError, type Parsed } from '../config/define.ts';
import { parseSessionConfig } from '../config/session.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { findCheckout } from '../minecraft/checkout.ts';
import type { Output } from '../runtime/output.ts';
import type { SignalController } from '../runtime/signals.ts';

/** What a sub-command gets from the process that it runs in. */
export interface CommandInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly args: readonly string[];
  /** Whether a person is watching. */
  readonly terminal: boolean;
  readonly signals: SignalController;
  /** The one writer of stdout, in whose order everything is. */
  readonly stdout: Output;
  /** Writes to stdout. */
  readonly print: (text: string) => void;
  /** Writes bytes to stdout as they are, at the pace of whoever reads them. */
  readonly write: (bytes: Buffer) => Promise<void>;
  /** Writes to stderr. */
  readonly printError: (text: string) => void;
}

/** @returns the exit code. */
export type RunCommand = (input: CommandInput) => Promise<number>;

/** The configuration in force, or undefined when it has faults: they are printed, each with its remedy. */
export function readConfig({
  env,
  cwd,
  terminal,
  printError,
}: CommandInput): Parsed<SessionConfig> | undefined {
  try {
    return parseSessionConfig(env, { cwd, terminal, now: new Date(), checkout: findCheckout() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printFaults(error.faults, printError);
    return undefined;
  }
}

/** Prints faults of the configuration, and that nothing was started. */
export function printFaults(faults: readonly string[], printError: (text: string) => void): void {
  printError(new ConfigError(faults).describe('craftassist-session --help'));
}
