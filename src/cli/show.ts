import { readCatalogue } from '../catalogue/catalogue.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import { select } from '../catalogue/select.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { type FoundReport, parseReport } from '../report/schema.ts';
import { isSessionOf, sessionFolder } from '../report/session-folder.ts';
import { EXIT_DENIED, EXIT_NOT_THERE } from '../runtime/exit-codes.ts';
import { jsonLine, printable } from '../runtime/text.ts';
import { placeOf } from '../save/archive-name.ts';
import { faultText } from '../store/fault-text.ts';
import { readText } from '../store/read.ts';
import { printRetries } from '../store/retry-log.ts';
import type { DeniedError, Store } from '../store/store.ts';
import { parseArguments } from './arguments.ts';
import { recordOf } from './catalogue-rows.ts';
import type { CommandInput, RunCommand } from './command.ts';
import { reportFault } from './look-faults.ts';
import { type Candidate, configFor, searchUpwards } from './session-url.ts';
import { type ShownSession, storyOf } from './show-story.ts';
import { terminalOf } from './terminal.ts';

/** Tells what became of one session: when what happened, where everything lies, and what is to be done. */
export const show: RunCommand = async input => {
  const { env, cwd, args, print, printError } = input;
  try {
    const { values, positionals } = parseArguments(args, { json: { type: 'boolean' } }, ['<session>']);
    const [url = ''] = positionals;
    const { destinationUrl, sessions, denied } = await find(configFor(url, env, cwd), input);
    if (sessions.length === 0) {
      printError(
        `there is no session at ${printable(url)}: craftassist-session ls lists those of a destination`,
      );
      return EXIT_NOT_THERE;
    }
    for (const { entry, report } of sessions)
      print(
        values.json
          ? jsonLine({ ...recordOf(entry), journals: entry.journals, report: report ?? null })
          : storyOf({ entry, report }, { destinationUrl, terminal: terminalOf(input) }).join('\n'),
      );
    if (denied === undefined) return 0;
    printError(`not everything could be read, and what it would tell is missing above: ${faultText(denied)}`);
    return EXIT_DENIED;
  } catch (error) {
    return reportFault(error, 'show', input);
  }
};

interface Found {
  readonly destinationUrl: string;
  readonly sessions: readonly ShownSession[];
  readonly denied: DeniedError | undefined;
}

async function find(config: SessionConfig, { signals, printError }: CommandInput): Promise<Found> {
  const signal = signals.stopRequested;
  let alone: Found | undefined;
  const search = await searchUpwards(
    config,
    { signal, ...printRetries(printError) },
    async (store, candidate) => {
      const { entries, denied } = await lookAt(store, candidate, signal);
      if (!entries.every(isArchiveAlone)) return { entries, denied };
      // Further up may be the report of it: an experiment's archive is not beside that.
      if (entries.length > 0) alone ??= { destinationUrl: store.url, sessions: entries.map(bare), denied };
      return undefined;
    },
  );
  const { destination, found } = search;
  try {
    if (found === undefined)
      return alone ?? { destinationUrl: destination.url, sessions: [], denied: undefined };
    const sessions: ShownSession[] = [];
    for (const entry of select(found.entries, { isUnsaved: false, sort: 'session', isReversed: true }))
      sessions.push({ entry, report: await reportOf(destination, entry, signal) });
    return { destinationUrl: destination.url, sessions, denied: found.denied };
  } finally {
    destination.close();
  }
}

function isArchiveAlone({ report, journals, archive }: CatalogueEntry): boolean {
  return report === undefined && journals.length === 0 && archive !== undefined;
}

function bare(entry: CatalogueEntry): ShownSession {
  return { entry, report: undefined };
}

async function lookAt(destination: Store, { name, besideArchive }: Candidate, signal: AbortSignal) {
  const isNamed = (folder: string) => {
    const place = placeOf(folder);
    return (
      folder === besideArchive || (place.isClaimed && place.root === '' && isSessionOf(place.name, name))
    );
  };
  const beside = besideArchive === undefined ? [] : [`${besideArchive}/`];
  const prefixes = [...new Set([sessionFolder(name), `${name}/`, ...beside])];
  const options = { signal, nowMs: Date.now(), prefixes, isWanted: isNamed };
  return readCatalogue(destination, options);
}

/** The whole report of which the catalogue knows the facts. */
async function reportOf(
  destination: Store,
  { report }: CatalogueEntry,
  signal: AbortSignal,
): Promise<FoundReport | undefined> {
  if (report === undefined) return undefined;
  const text = await readText(destination, report.key, { maxBytes: MAX_REPORT_BYTES, signal });
  return parseReport(text ?? '');
}

const MAX_REPORT_BYTES = 16 * 1024 * 1024;
