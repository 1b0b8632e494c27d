import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { type Survey, survey } from '../archive/walk.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import { readWholeReport } from '../catalogue/whole-report.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { codecOf } from '../config/values.ts';
import { findJournals } from '../journal/reader/find.ts';
import { askStore, standingOf } from '../journal/reader/standing.ts';
import { isBug } from '../runtime/bug.ts';
import {
  EXIT_INTERNAL_ERROR,
  EXIT_NO_ANSWER,
  EXIT_NOT_SAVED,
  EXIT_NOT_THERE,
} from '../runtime/exit-codes.ts';
import { openLog } from '../runtime/log.ts';
import { createLoggedProgress } from '../runtime/progress.ts';
import { bytesText, printable } from '../runtime/text.ts';
import { type AmendRequest, amendSession } from '../save/amend.ts';
import { type AmendedSession, findReplaced, type Replaced } from '../save/amend-plan.ts';
import { placeOf } from '../save/archive-name.ts';
import { faultText } from '../store/fault-text.ts';
import type { Store } from '../store/store.ts';
import { parseArguments, UsageError } from './arguments.ts';
import { chooseRun } from './choose-run.ts';
import type { CommandInput, RunCommand } from './command.ts';
import { commandDeadlines } from './command-deadlines.ts';
import { findSession } from './find-session.ts';
import { folderFault, reportFault } from './look-faults.ts';
import { configFor } from './session-url.ts';

const OPTIONS = {
  why: { type: 'string' },
  'drop-names': { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
} as const;

/** Puts a folder as an archive in the place of a session's own, or tells what that would do. */
export const amend: RunCommand = async input => {
  const { env, cwd, args, printError } = input;
  try {
    const { values, positionals } = parseArguments(args, OPTIONS, ['<session>', '<folder>']);
    const [url = '', given = ''] = positionals;
    const { why } = values;
    if (!why?.trim()) throw new UsageError('--why is missing: the report tells it from now on');
    const folder = resolve(cwd, given);
    const fault = await folderFault({ kind: 'directory', path: folder });
    if (fault !== undefined) {
      printError(fault);
      return EXIT_NOT_THERE;
    }
    const config = configFor(url, env, cwd);
    const found = await findSession(config, input);
    const { destination } = found;
    try {
      if (found.denied !== undefined) throw found.denied;
      const entry = chooseRun(url, found, input);
      if (entry === undefined) return EXIT_NOT_THERE;
      const session = await amendable(destination, entry, values.yes, input);
      if (typeof session === 'number') return session;
      const request = requestOf(session, config, { folder, why, dropsNames: values['drop-names'] });
      const task = { config, destination, session, request };
      return await (values.yes ? replace(task, input) : tell(task, input));
    } finally {
      destination.close();
    }
  } catch (error) {
    return reportFault(error, 'amend', input);
  }
};

interface AmendTask {
  readonly config: SessionConfig;
  readonly destination: Store;
  readonly session: AmendedSession;
  readonly request: AmendRequest;
}

/** @returns the exit code, and why is printed: its archive cannot be replaced now */
async function amendable(
  destination: Store,
  entry: CatalogueEntry,
  mayWrite: boolean,
  { signals, printError }: CommandInput,
): Promise<AmendedSession | number> {
  const signal = signals.stopRequested;
  const refuse = (why: string, code = EXIT_NOT_THERE) => {
    printError(`${printable(entry.url)} ${why}`);
    return code;
  };
  if (entry.newerFormat !== undefined)
    throw new UsageError('a later version has written its report: use that version');
  if (entry.state === 'live' || entry.state === 'recovering')
    return refuse('runs, or is being recovered: wait until it is saved', EXIT_NO_ANSWER);
  const report = await readWholeReport(destination, entry, signal);
  if (entry.archive === undefined || entry.report === undefined || report?.archive === undefined)
    return refuse(
      `has no archive here that a report names: see craftassist-session show ${printable(entry.url)}`,
    );
  const folder = dirname(entry.report.key);
  if (!placeOf(folder).isClaimed)
    throw new UsageError('an earlier version has put its report beside its archive: replace both by hand');
  const prefixes = new Set(entry.journals.map(({ prefix }) => prefix));
  const journals = (await findJournals(destination, `${folder}/`, signal)).filter(({ prefix }) =>
    prefixes.has(prefix),
  );
  for (const journal of journals) {
    // Asking for the store's time takes the right to write.
    const nowMs = mayWrite ? (await askStore(destination, journal.prefix, signal)).nowMs : Date.now();
    if (standingOf(journal, nowMs).kind !== 'free')
      return refuse('has a journal that somebody may still have: wait for three minutes', EXIT_NO_ANSWER);
  }
  return {
    ...{ folder, reportKey: entry.report.key, journals },
    report: { ...report, archive: report.archive },
  };
}

function requestOf(
  { report }: AmendedSession,
  { save }: SessionConfig,
  { folder, ...asked }: { readonly folder: string; readonly why: string; readonly dropsNames: boolean },
): AmendRequest {
  return {
    ...asked,
    source: { root: folder, include: [], exclude: [], excludedPaths: [] },
    // As the session itself has packed, as far as the name of its archive tells.
    archive: { codec: codecOf(report.archive.key), level: save.gzipLevel, deflate: save.deflate },
    stallMs: save.stallMs,
    taker: { by: randomUUID(), host: hostname() },
  };
}

async function tell({ destination, session, request }: AmendTask, input: CommandInput): Promise<number> {
  const { print, printError, signals } = input;
  const signal = signals.stopRequested;
  const size = await measure(request, signal);
  const replaced = await findReplaced(destination, session, signal);
  const at = (key: string) => printable(`${destination.url}/${key}`);
  print(
    `would pack ${filesText(size.files)}, ${bytesText(size.bytes)}, of ${printable(request.source.root)}, ` +
      `and name that archive in ${at(session.reportKey)}`,
  );
  for (const place of placesOf(replaced)) print(`would delete ${at(place)}`);
  if (replaced.before !== undefined)
    printError(`what ${describeBefore(replaced.before)} has not ended: this takes its place`);
  printError('nothing was changed: --yes does it');
  return 0;
}

/** @throws {UsageError} when there is nothing to pack */
async function measure({ source }: AmendRequest, signal: AbortSignal): Promise<Survey> {
  const size = await survey(source, signal);
  if (size.files === 0) throw new UsageError(`there is no file in ${printable(source.root)}`);
  return size;
}

function filesText(files: number): string {
  return files === 1 ? '1 file' : `${files} files`;
}

function placesOf({ archives, others, journals }: Replaced): string[] {
  return [...archives, ...others, ...journals.map(({ prefix }) => prefix)];
}

function describeBefore({ host, since }: NonNullable<Replaced['before']>): string {
  return `began ${printable(since)} on ${printable(host)}`;
}

async function replace(task: AmendTask, input: CommandInput): Promise<number> {
  const { config, destination, session, request } = task;
  const { print, printError, signals, stdout, terminal } = input;
  const signal = signals.stopRequested;
  await measure(request, signal);
  const replaced = await findReplaced(destination, session, signal);
  const { log } = await openLog(stdout, { level: config.logLevel, terminal, colour: false });
  try {
    const { receipt, summary } = await amendSession(destination, session, replaced, request, {
      ...{ log, signal, progress: createLoggedProgress(log) },
      startDeadline: commandDeadlines(config, signals),
    });
    print(
      `stored ${printable(receipt.url)}, ${filesText(summary.files)}, ${bytesText(receipt.bytes)}: it was read back, and its report names it`,
    );
    for (const place of placesOf(replaced)) print(`deleted ${printable(`${destination.url}/${place}`)}`);
    if (config.save.destination.kind === 's3')
      printError('what the bucket keeps of older versions is still there: docs/privacy.md deletes it');
    return 0;
  } catch (error) {
    signal.throwIfAborted();
    printError(printable(faultText(error)));
    if (isBug(error)) return EXIT_INTERNAL_ERROR;
    printError(
      `it has not ended: craftassist-session verify ${printable(`${destination.url}/${session.folder}`)} tells what is there; run it again`,
    );
    return EXIT_NOT_SAVED;
  }
}
