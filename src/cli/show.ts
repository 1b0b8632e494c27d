import { readCatalogue } from '../catalogue/catalogue.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
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
import { storyOf } from './show-story.ts';
import { terminalOf } from './terminal.ts';

/** A session with its whole report, if it has left one. */
export interface ShownSession {
  readonly entry: CatalogueEntry;
  readonly report: FoundReport | undefined;
}

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
  const search = await searchUpwards(
    config,
    { signal, ...printRetries(printError) },
    (destination, candidate) => lookAt(destination, candidate, signal),
  );
  const { destination, found } = search;
  try {
    const sessions: ShownSession[] = [];
    for (const entry of found?.entries ?? [])
      sessions.push({ entry, report: await reportOf(destination, entry, signal) });
    return { destinationUrl: destination.url, sessions, denied: found?.denied };
  } finally {
    destination.close();
  }
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
  const catalogue = await readCatalogue(destination, options);
  return catalogue.entries.length > 0 ? catalogue : undefined;
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
