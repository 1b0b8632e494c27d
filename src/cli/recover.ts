import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/define.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { deleteJournal } from '../journal/delete.ts';
import { type FoundJournal, findJournals, isLive, storeClock } from '../journal/reader/find.ts';
import { recoverJournal } from '../journal/reader/rebuild.ts';
import { createDeadlines } from '../runtime/deadline.ts';
import { EXIT_DAMAGED, EXIT_NOT_SAVED, EXIT_USAGE } from '../runtime/exit-codes.ts';
import { openLog } from '../runtime/log.ts';
import { createLoggedProgress } from '../runtime/progress.ts';
import { bytesText, errorText } from '../runtime/text.ts';
import { findDamaged } from '../save/earlier-recovery.ts';
import { recoverSession } from '../save/recover.ts';
import { describeRecovery, recoveredFiles } from '../save/recovered-files.ts';
import { isDamaged, type RecoveryPlan } from '../save/recovery-plan.ts';
import { isSavedAlready } from '../save/recovery-report.ts';
import { faultText } from '../store/fault-text.ts';
import { openStore } from '../store/open.ts';
import { printRetries } from '../store/retry-log.ts';
import type { Store } from '../store/store.ts';
import { type CommandInput, printFaults, type RunCommand } from './command.ts';
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
  let destination: Store | undefined;
  try {
    const found = await find(config, parsed.all, input);
    destination = found.destination;
    return await recoverAll({ ...parsed, config, input, saved: new Set(), ...found });
  } catch (error) {
    printError(faultText(error));
    return EXIT_NOT_SAVED;
  } finally {
    destination?.close();
  }
};

async function find(
  config: SessionConfig,
  all: boolean,
  { signals, printError }: CommandInput,
): Promise<NamedSessions> {
  const signal = signals.stopRequested;
  const options = { run: randomUUID(), ...printRetries(printError) };
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

type Task = ReturnType<typeof parseRecoverArgs> &
  NamedSessions & {
    readonly config: SessionConfig;
    readonly input: CommandInput;
    /** The sessions that were found to be saved: one of an earlier version may have several journals. */
    readonly saved: Set<string>;
  };

async function recoverAll(task: Task): Promise<number> {
  const { destination, journals, input } = task;
  if (journals.length === 0) {
    input.printError(`there is no journal at ${task.url}: nothing to recover`);
    return task.all ? 0 : EXIT_USAGE;
  }
  let code = 0;
  let isAnyLost = false;
  for (const journal of journals) {
    if (input.signals.stopRequested.aborted) return EXIT_NOT_SAVED;
    try {
      code = Math.max(code, await recoverOne(task, journal));
    } catch (error) {
      input.printError(`${destination.url}/${journal.session}: the journal was kept: ${faultText(error)}`);
      isAnyLost = true;
    }
  }
  return isAnyLost ? EXIT_NOT_SAVED : code;
}

async function recoverOne(task: Task, journal: FoundJournal): Promise<number> {
  const { destination, input, force } = task;
  const { print, printError, signals } = input;
  const name = `${destination.url}/${journal.session}`;
  if (journal.unreadable !== undefined) throw new Error(journal.unreadable);
  const facts = `${journal.segments} segments, ${bytesText(journal.bytes)}, last written ${new Date(journal.lastWrittenMs).toISOString()}`;
  if (!force && isLive(journal, await nowAt(task, journal))) {
    (task.all ? print : printError)(`${name}: is still being written (${facts}): wait, or use --force`);
    return task.all ? 0 : EXIT_USAGE;
  }
  if (task.output !== undefined) return recoverTo(task, journal, resolve(input.cwd, task.output));
  const isSaved = await isSavedAlready(destination, journal, signals.stopRequested);
  if (isSaved && task['dry-run']) {
    print(`${name}: would delete the journal of a saved session`);
    return 0;
  }
  if (isSaved) {
    const evidence = { kind: 'saved-before', session: journal.session } as const;
    await deleteJournal(destination, journal, evidence, signals.stopRequested);
    if (!task.saved.has(name)) print(`${name}: was saved already; its journal was deleted`);
    task.saved.add(name);
    return 0;
  }
  const known = await findDamaged(destination, journal, signals.stopRequested);
  if (known !== undefined && !task['discard-damaged']) {
    printError(`${name}: ${damageText(known)}`);
    return EXIT_DAMAGED;
  }
  if (task['dry-run']) {
    print(`${name}: would recover (${facts})`);
    return 0;
  }
  return recoverIntoArchive(task, journal, name);
}

function damageText({ archiveKey, problems, notPacked }: RecoveryPlan): string {
  const faults = problems.length + (notPacked?.total ?? 0);
  return (
    `saved with damage at ${archiveKey}, as its report tells (${faults === 1 ? 'one fault' : `${faults} faults`}); ` +
    'the journal is kept: mend what cannot be read, or delete it with --discard-damaged'
  );
}

/** A dry run writes nothing, not even the small object that tells the destination's time. */
async function nowAt(task: Task, { prefix, status }: FoundJournal): Promise<number> {
  if (task['dry-run'] || (status !== undefined && status.state !== 'writing')) return Date.now();
  return storeClock(task.destination, prefix, task.input.signals.stopRequested);
}

async function recoverIntoArchive(
  { config, destination, input, scratch: base = tmpdir(), 'discard-damaged': discardDamaged }: Task,
  journal: FoundJournal,
  name: string,
): Promise<number> {
  const outputs = await openLog({ level: config.logLevel, terminal: input.terminal, colour: false });
  const scratch = await mkdtemp(join(resolve(input.cwd, base), 'craftassist-recovery-'));
  try {
    const { save, stop } = config;
    const done = await recoverSession(destination, journal, save, {
      log: outputs.log,
      progress: createLoggedProgress(outputs.log),
      startDeadline: createDeadlines(input.signals, {
        graceMs: stop.graceMs,
        stopTimeoutMs: stop.timeoutMs,
        saveTimeoutMs: save.timeoutMs,
        hasFallback: false,
      }),
      signal: input.signals.stopRequested,
      scratch,
      discardDamaged,
    });
    input.print(
      `${name}: recovered to ${destination.url}/${done.archiveKey} (${bytesText(done.archive.bytes)}), covered until ${done.coveredUntil ?? 'an unknown moment'}`,
    );
    for (const line of describeRecovery(done)) input.printError(`${name}: ${line}`);
    if (!isDamaged(done) || discardDamaged) return 0;
    input.printError(`${name}: ${damageText(done)}`);
    return EXIT_DAMAGED;
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch((error: unknown) =>
      // Nothing depends on it: the archive is saved, or is not, whatever stays here.
      input.printError(`${scratch} could not be removed: ${errorText(error)}`),
    );
    await outputs.flush();
  }
}

async function recoverTo(
  { destination, input }: Task,
  { prefix }: FoundJournal,
  folder: string,
): Promise<number> {
  const rebuilt = await recoverJournal({
    destination,
    prefix,
    folder,
    signal: input.signals.stopRequested,
  });
  input.print(
    `recovered to ${folder}, covered until ${rebuilt.coveredUntil ?? 'an unknown moment'}; the journal stays where it is`,
  );
  for (const line of describeRecovery({ ...rebuilt, files: recoveredFiles(rebuilt) })) input.printError(line);
  return rebuilt.problems.length > 0 ? EXIT_DAMAGED : 0;
}
