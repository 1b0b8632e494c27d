import { ConfigError } from '../config/define.ts';
import { followFile } from '../journal/reader/tail.ts';
import { EXIT_USAGE } from '../runtime/exit-codes.ts';
import { faultText } from '../store/fault-text.ts';
import { printRetries } from '../store/retry-log.ts';
import type { Store } from '../store/store.ts';
import { printFaults, type RunCommand } from './command.ts';
import { configFor, findNamedSessions } from './session-url.ts';

/** Prints a file of a running session from its journal, and follows it until the session ends. */
export const tail: RunCommand = async ({ env, cwd, args, write, printError, signals }) => {
  const [url, path = 'agent.log', ...more] = args;
  if (url === undefined || more.length > 0) {
    printError('usage: craftassist-session tail <s3://bucket/prefix/TIMESTAMP> [file]');
    return EXIT_USAGE;
  }
  const signal = signals.stopRequested;
  let destination: Store | undefined;
  try {
    const found = await findNamedSessions(configFor(url, env, cwd), {
      signal,
      ...printRetries(printError),
    });
    ({ destination } = found);
    const [journal] = found.journals.toSorted((a, b) => b.lastWrittenMs - a.lastWrittenMs);
    if (journal === undefined) {
      printError(`there is no journal at ${url}: the session has not begun, or it is over and saved`);
      return EXIT_USAGE;
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
    if (error instanceof ConfigError) printFaults(error.faults, printError);
    else printError(faultText(error));
    return EXIT_USAGE;
  } finally {
    destination?.close();
  }
};
