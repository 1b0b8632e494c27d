import { ConfigError, type ParsedConfig, parseConfig } from '../config/session.ts';
import type { CommandInput } from './command.ts';

/** Tells faults of the configuration, and that they are all that has happened. */
export function tellFaults(faults: readonly string[], printError: (text: string) => void): void {
  printError(`the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:`);
  for (const fault of faults) printError(`  ${fault}`);
  printError('Nothing was started. `craftassist-session --help` explains every variable.');
}

/** The configuration in force, or undefined when it has faults: they are told, each with its remedy. */
export function configured({ env, cwd, terminal, printError }: CommandInput): ParsedConfig | undefined {
  try {
    return parseConfig(env, { cwd, terminal, now: new Date() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    tellFaults(error.faults, printError);
    return undefined;
  }
}
