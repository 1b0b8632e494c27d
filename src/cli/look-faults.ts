import { stat } from 'node:fs/promises';
import { ConfigError } from '../config/define.ts';
import type { DestinationUrl } from '../config/session-config.ts';
import { unlessMissing } from '../files/errno.ts';
import { isBug } from '../runtime/bug.ts';
import {
  EXIT_DENIED,
  EXIT_INTERNAL_ERROR,
  EXIT_NO_ANSWER,
  EXIT_NOT_THERE,
  EXIT_USAGE,
} from '../runtime/exit-codes.ts';
import { printable } from '../runtime/text.ts';
import { faultText } from '../store/fault-text.ts';
import { StoreSilentError } from '../store/silence.ts';
import { DeniedError, NoSuchBucketError, PermanentError } from '../store/store.ts';
import { UsageError } from './arguments.ts';
import { type CommandInput, printFaults } from './command.ts';

/** Why a destination that is a folder cannot be looked at: one whose name is misspelt looks like an empty one. */
export async function folderFault(destination: DestinationUrl): Promise<string | undefined> {
  if (destination.kind === 's3') return undefined;
  const found = await unlessMissing(stat(destination.path));
  return found?.isDirectory() === true
    ? undefined
    : `there is no folder ${printable(destination.path)}: see whether the path is right, and whether its disk is mounted`;
}

/**
 * Tells why a command that only looks could not, and what to do.
 * @returns the exit code
 */
export function reportFault(
  error: unknown,
  command: string,
  { printError, signals }: Pick<CommandInput, 'printError' | 'signals'>,
): number {
  if (signals.stopRequested.aborted) return EXIT_NO_ANSWER;
  if (error instanceof ConfigError) {
    printFaults(error.faults, printError);
    return EXIT_USAGE;
  }
  if (error instanceof UsageError) {
    printError(`${error.message}; see craftassist-session ${command} --help`);
    return EXIT_USAGE;
  }
  printError(printable(faultText(error)));
  return codeOf(error);
}

function codeOf(error: unknown): number {
  if (isBug(error)) return EXIT_INTERNAL_ERROR;
  const isOf = (kind: abstract new (...args: never[]) => Error) => hasCause(error, kind);
  if (isOf(DeniedError)) return EXIT_DENIED;
  if (isOf(NoSuchBucketError)) return EXIT_NOT_THERE;
  if (isOf(StoreSilentError)) return EXIT_NO_ANSWER;
  return isOf(PermanentError) ? EXIT_USAGE : EXIT_NO_ANSWER;
}

function hasCause(error: unknown, kind: abstract new (...args: never[]) => Error): boolean {
  if (error instanceof kind) return true;
  return error instanceof Error && hasCause(error.cause, kind);
}
