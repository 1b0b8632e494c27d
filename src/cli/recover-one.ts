import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import type { SessionConfig } from '../config/session-config.ts';
import { JournalTakenError, type Taker } from '../journal/fences.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import { recoverJournal } from '../journal/reader/rebuild.ts';
import { askStore, type Standing, type StoreFacts, standingOf } from '../journal/reader/standing.ts';
import { type Takeover, takeJournal } from '../journal/takeover.ts';
import { EXIT_DAMAGED, EXIT_USAGE } from '../runtime/exit-codes.ts';
import { type Log, openLog } from '../runtime/log.ts';
import { createLoggedProgress } from '../runtime/progress.ts';
import { bytesText, errorText } from '../runtime/text.ts';
import { deleteSavedJournal } from '../save/dispose.ts';
import { findDamaged } from '../save/earlier-recovery.ts';
import { recoverSession } from '../save/recover.ts';
import { describeRecovery, recoveredFiles } from '../save/recovered-files.ts';
import { isDamaged, type RecoveryPlan } from '../save/recovery-plan.ts';
import { isSavedAlready } from '../save/recovery-report.ts';
import { findUnreadable } from '../save/unreadable.ts';
import type { Store } from '../store/store.ts';
import type { CommandInput } from './command.ts';
import { commandDeadlines } from './command-deadlines.ts';
import { openScratch } from './scratch.ts';

/** What is asked of `recover`, and where the journals were found. */
export interface RecoveryTask {
  readonly config: SessionConfig;
  readonly input: CommandInput;
  readonly destination: Store;
  /** Who recovers, as others see it. */
  readonly taker: Taker;
  readonly all: boolean;
  readonly force: boolean;
  readonly 'dry-run': boolean;
  readonly 'discard-damaged': boolean;
  /** Only deletes the journals of sessions that have saved themselves. */
  readonly makesNoArchive?: true;
  readonly output?: string | undefined;
  readonly scratch?: string | undefined;
  /** The sessions that were found to be saved: one of an earlier version may have several journals. */
  readonly saved: Set<string>;
}

/**
 * Does with one journal what is asked: nothing while somebody else has it.
 * @returns the exit code
 * @throws {JournalLeftError} when it is saved, and something of the journal may be left
 * @throws when it cannot be recovered; the journal is kept then
 */
export async function recoverOne(task: RecoveryTask, journal: FoundJournal): Promise<number> {
  const { destination, input, all, force, output } = task;
  const name = `${destination.url}/${journal.session}`;
  if (journal.unreadable !== undefined) throw new Error(journal.unreadable);
  const leave = (why: string) => {
    (all ? input.print : input.printError)(`${name}: ${why}`);
    return all ? 0 : EXIT_USAGE;
  };
  // Of some it is clear whatever the time is: reading them then needs no right to write.
  const isFree = force || standingOf(journal, 0).kind === 'free';
  const facts = isFree && output !== undefined ? UNASKED : await factsOf(task, journal);
  const busy = isFree ? undefined : describeBusy(journal, standingOf(journal, facts.nowMs));
  if (busy !== undefined) return leave(busy);
  if (output !== undefined) return recoverTo(task, journal, resolve(input.cwd, output));
  try {
    return await recoverWhole(task, journal, name, facts);
  } catch (error) {
    if (!(error instanceof JournalTakenError)) throw error;
    return leave(error.message);
  }
}

function factsText({ segments, bytes, lastWrittenMs }: FoundJournal): string {
  return `${segments} segments, ${bytesText(bytes)}, last written ${new Date(lastWrittenMs).toISOString()}`;
}

/** Why a journal is left alone; undefined: nobody has it. */
function describeBusy(journal: FoundJournal, standing: Standing): string | undefined {
  switch (standing.kind) {
    case 'free':
      return undefined;
    case 'written':
      return `is still being written (${factsText(journal)}): wait, or use --force`;
    case 'silent':
      return (
        `has not been written for long (${factsText(journal)}), but a writer that is alive would not notice that it ` +
        'was recovered: use --force once you know that its session is over'
      );
    case 'taken': {
      const { host, since, state } = standing.fence;
      const what = state === 'ended' ? 'saved, and its journal deleted,' : 'recovered';
      return `is being ${what} by ${host} since ${since}: wait, or use --force`;
    }
    default:
      return standing satisfies never;
  }
}

const UNASKED: StoreFacts = { nowMs: 0, conditions: 'ignored' };

/** A dry run writes nothing, not even the small object that tells the store's time. */
async function factsOf(task: RecoveryTask, { prefix }: FoundJournal): Promise<StoreFacts> {
  if (task['dry-run']) return { ...UNASKED, nowMs: Date.now() };
  return askStore(task.destination, prefix, task.input.signals.stopRequested);
}

async function recoverWhole(
  task: RecoveryTask,
  journal: FoundJournal,
  name: string,
  { conditions }: StoreFacts,
): Promise<number> {
  const { destination, input, taker } = task;
  const { print, printError } = input;
  const signal = input.signals.stopRequested;
  let isSaved = await isSavedAlready(destination, journal, signal);
  // Its archive was there when its journal was found, and may be gone by now.
  if (!isSaved && task.makesNoArchive) throw new Error('its session has not saved it');
  if (!isSaved && !task['discard-damaged']) {
    const known = await findDamaged(destination, journal, signal);
    if (known !== undefined) {
      printError(`${name}: ${damageText(known)}`);
      return EXIT_DAMAGED;
    }
    const why = await findUnreadable(destination, journal, signal);
    if (why !== undefined) throw new Error(why);
  }
  if (task['dry-run']) {
    const what = isSaved ? 'delete the journal of a saved session' : `recover (${factsText(journal)})`;
    print(`${name}: would ${what}`);
    return 0;
  }
  // What a store without conditions cannot keep apart, a person has to.
  await using takeover =
    conditions === 'honoured' ? await takeJournal(destination, journal, taker, signal) : undefined;
  // Its session may have been saving it until then, and have left something that was still on its way.
  isSaved ||= takeover !== undefined && (await isSavedAlready(destination, journal, signal));
  const { log } = await openLog(input.stdout, {
    level: task.config.logLevel,
    terminal: input.terminal,
    colour: false,
  });
  try {
    // Awaited, since the takeover ends with this function.
    if (!isSaved) return await recoverIntoArchive(task, journal, name, { log, takeover });
    await deleteSavedJournal(destination, journal, { log, signal, takeover });
  } catch (error) {
    // What ended it is that somebody else has the journal by now.
    if (takeover?.signal.reason instanceof JournalTakenError) throw takeover.signal.reason;
    throw error;
  }
  if (!task.saved.has(name)) print(`${name}: was saved already; its journal was deleted`);
  task.saved.add(name);
  return 0;
}

function damageText({ archiveKey, problems, notPacked }: RecoveryPlan): string {
  const faults = problems.length + (notPacked?.total ?? 0);
  return (
    `saved with damage at ${archiveKey}, as its report tells (${faults === 1 ? 'one fault' : `${faults} faults`}); ` +
    'the journal is kept: mend what cannot be read, or delete it with --discard-damaged'
  );
}

async function recoverIntoArchive(
  { config, destination, input, scratch: base = tmpdir(), 'discard-damaged': discardDamaged }: RecoveryTask,
  journal: FoundJournal,
  name: string,
  { log, takeover }: { readonly log: Log; readonly takeover: Takeover | undefined },
): Promise<number> {
  const scratch = await openScratch(resolve(input.cwd, base));
  for (const line of scratch.leftovers) input.print(line);
  try {
    const done = await recoverSession(destination, journal, config.save, {
      log,
      progress: createLoggedProgress(log),
      startDeadline: commandDeadlines(config, input.signals),
      signal: takeover?.signal ?? input.signals.stopRequested,
      scratch: scratch.path,
      discardDamaged,
      takeover,
    });
    input.print(
      `${name}: recovered to ${destination.url}/${done.archiveKey} (${bytesText(done.archive.bytes)}), covered until ${done.coveredUntil ?? 'an unknown moment'}`,
    );
    for (const line of describeRecovery(done)) input.printError(`${name}: ${line}`);
    if (!isDamaged(done) || discardDamaged) return 0;
    input.printError(`${name}: ${damageText(done)}`);
    return EXIT_DAMAGED;
  } finally {
    await scratch.remove().catch((error: unknown) =>
      // Nothing depends on it: the archive is saved, or is not, whatever stays here.
      input.printError(`${scratch.path} could not be removed: ${errorText(error)}`),
    );
  }
}

async function recoverTo(
  { destination, input }: RecoveryTask,
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
