import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/define.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { findJournals } from '../journal/reader/find.ts';
import { isBug } from '../runtime/bug.ts';
import { EXIT_INTERNAL_ERROR, EXIT_NOT_SAVED, EXIT_USAGE } from '../runtime/exit-codes.ts';
import { errorText } from '../runtime/text.ts';
import { JournalLeftError } from '../save/dispose.ts';
import { faultText } from '../store/fault-text.ts';
import { openStore } from '../store/open.ts';
import { printRetries } from '../store/retry-log.ts';
import type { Store } from '../store/store.ts';
import { type CommandInput, printFaults, type RunCommand } from './command.ts';
import { type RecoveryTask, recoverOne } from './recover-one.ts';
import { configFor, findNamedSessions, type NamedSessions } from './session-url.ts';

const USAGE =
  'usage: craftassist-session recover [--all] [--dry-run] [--force] [--discard-damaged] [--output folder] [--scratch folder] <s3://bucket/prefix/TIMESTAMP>';

const OPTIONS = {
  all: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  'discard-damaged': { type: 'boolean', default: false },
  output: { type: 'string' },
  scratch: { type: 'string' },
} as const;

/** Makes the archives of sessions whose containers have died, out of their journals. */
export const recover: RunCommand = async input => {
  const { env, cwd, args, printError } = input;
  let parsed: ReturnType<typeof parseRecoverArgs>;
  let config: SessionConfig;
  try {
    parsed = parseRecoverArgs(args);
    config = configFor(parsed.url, env, cwd);
  } catch (error) {
    if (error instanceof ConfigError) printFaults(error.faults, printError);
    else printError(`${errorText(error)}\n${USAGE}`);
    return EXIT_USAGE;
  }
  const taker = { by: randomUUID(), host: hostname() };
  let destination: Store | undefined;
  try {
    const found = await find(config, parsed.all, taker.by, input);
    destination = found.destination;
    return await recoverAll({ ...parsed, config, input, taker, saved: new Set(), ...found });
  } catch (error) {
    printError(faultText(error));
    return codeOf(error);
  } finally {
    destination?.close();
  }
};

async function find(
  config: SessionConfig,
  all: boolean,
  run: string,
  { signals, printError }: CommandInput,
): Promise<NamedSessions> {
  const signal = signals.stopRequested;
  const options = { run, ...printRetries(printError) };
  if (!all) return findNamedSessions(config, { signal, ...options });
  const destination = await openStore(config.save.destination, { s3: config.save.s3, ...options });
  try {
    return { destination, journals: await findJournals(destination, '', signal) };
  } catch (error) {
    destination.close();
    throw error;
  }
}

function parseRecoverArgs(args: readonly string[]) {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0) throw new Error('name one session, or one prefix with --all');
  if (values.all && values.output !== undefined) throw new Error('--output takes one session, not --all');
  return { ...values, url };
}

async function recoverAll(task: RecoveryTask & NamedSessions & { readonly url: string }): Promise<number> {
  const { destination, journals, input } = task;
  if (journals.length === 0) {
    input.printError(`there is no journal at ${task.url}: nothing to recover`);
    return task.all ? 0 : EXIT_USAGE;
  }
  let code = 0;
  const failures: number[] = [];
  for (const journal of journals) {
    if (input.signals.stopRequested.aborted) return EXIT_NOT_SAVED;
    try {
      code = Math.max(code, await recoverOne(task, journal));
    } catch (error) {
      const kept = error instanceof JournalLeftError ? '' : 'the journal was kept: ';
      input.printError(`${destination.url}/${journal.session}: ${kept}${faultText(error)}`);
      failures.push(codeOf(error));
    }
  }
  return failures.length > 0 ? Math.max(...failures) : code;
}

/** Of what keeps a journal from being recovered. */
function codeOf(error: unknown): number {
  return isBug(error) ? EXIT_INTERNAL_ERROR : EXIT_NOT_SAVED;
}
