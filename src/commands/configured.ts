import { ConfigError, type ParsedConfig, parseConfig } from '../config/parse.ts';
import type { CommandInput } from './io.ts';

export const EXIT_USAGE = 64;

/** The configuration in force, or undefined when it has faults: they are told, each with its remedy. */
export function configured({ env, cwd, terminal, complain }: CommandInput): ParsedConfig | undefined {
  try {
    return parseConfig(env, { cwd, terminal, now: new Date() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(`${error.message}:`);
    for (const fault of error.faults) complain(`  ${fault}`);
    complain('Nothing was started. `craftassist-session --help` explains every variable.');
    return undefined;
  }
}
