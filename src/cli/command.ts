import type { SignalController } from '../runtime/signals.ts';

/** What a command is given by the process that it runs in. */
export interface CommandInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly args: readonly string[];
  /** Whether a person is watching. */
  readonly terminal: boolean;
  readonly signals: SignalController;
  /** Writes to stdout. */
  readonly print: (text: string) => void;
  /** Writes bytes to stdout as they are, at the pace of whoever reads them. */
  readonly write: (bytes: Buffer) => Promise<void>;
  /** Writes to stderr. */
  readonly printError: (text: string) => void;
}

/** @returns the exit code. */
export type RunCommand = (input: CommandInput) => Promise<number>;
