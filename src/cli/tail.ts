import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../config/define.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { unlessMissing } from '../files/errno.ts';
import { followFile } from '../journal/reader/tail.ts';
import { timeoutSignal } from '../runtime/abort.ts';
import { EXIT_NO_ANSWER, EXIT_NOT_THERE, EXIT_USAGE } from '../runtime/exit-codes.ts';
import { faultText } from '../store/fault-text.ts';
import { printRetries } from '../store/retry-log.ts';
import type { Store } from '../store/store.ts';
import { printFaults, type RunCommand } from './command.ts';
import { configFor, findNamedSessions } from './session-url.ts';

/** How long the store has to answer at first. Later it may be down for any time. */
const LOOKING_MS = 30_000;

/** Why a folder, if it is one, cannot hold a session: a name that is misspelt looks like an empty store. */
async function folderFault({ save: { destination } }: SessionConfig): Promise<string | undefined> {
  if (destination.kind === 's3') return undefined;
  const folder = dirname(destination.path);
  return (await unlessMissing(stat(folder))) === undefined
    ? `there is no folder ${folder}: see whether the path is right, and whether its disk is mounted`
    : undefined;
}

/** Prints a file of a running session from its journal, and follows it until the session ends. */
export const tail: RunCommand = async ({ env, cwd, args, write, printError, signals }) => {
  const [url, path = 'agent.log', ...more] = args;
  if (url === undefined || more.length > 0) {
    printError('usage: craftassist-session tail <s3://bucket/prefix/TIMESTAMP> [file]');
    return EXIT_USAGE;
  }
  const signal = signals.stopRequested;
  const looking = timeoutSignal(LOOKING_MS, signal);
  let destination: Store | undefined;
  try {
    const config = configFor(url, env, cwd);
    const fault = await folderFault(config);
    if (fault !== undefined) {
      printError(fault);
      return EXIT_NOT_THERE;
    }
    const found = await findNamedSessions(config, { signal: looking, ...printRetries(printError) });
    ({ destination } = found);
    const [journal] = found.journals.toSorted((a, b) => b.lastWrittenMs - a.lastWrittenMs);
    if (journal === undefined) {
      printError(`there is no journal at ${url}: the session has not begun, or it is over and saved`);
      return EXIT_NOT_THERE;
    }
    for await (const read of followFile({
      destination,
      prefix: journal.prefix,
      path,
      follow: true,
      signal,
    })) {
      if (read.kind === 'bytes') await write(read.bytes);
      else if (read.kind === 'problem') printError(`[${read.segment}: ${read.why}]`);
      else if (read.kind === 'gap') printError(`[${read.bytes} bytes are missing here]`);
      else if (read.kind === 'as-before') printError(`[${read.bytes} bytes are as before]`);
      else printError(`[${path} begins anew]`);
    }
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    if (destination === undefined && looking.aborted) {
      printError(
        `the store of ${url} does not answer for ${LOOKING_MS / 1_000} s: see whether its endpoint is right`,
      );
      return EXIT_NO_ANSWER;
    }
    if (error instanceof ConfigError) printFaults(error.faults, printError);
    else printError(faultText(error));
    return EXIT_USAGE;
  } finally {
    destination?.close();
  }
};
