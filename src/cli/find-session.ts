import { readCatalogue } from '../catalogue/catalogue.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import type { DestinationUrl, SessionConfig } from '../config/session-config.ts';
import { isSessionOf, sessionFolder } from '../report/session-folder.ts';
import { placeOf } from '../save/archive-name.ts';
import { openStore } from '../store/open.ts';
import { printRetries } from '../store/retry-log.ts';
import type { DeniedError, Store } from '../store/store.ts';
import type { CommandInput } from './command.ts';
import { type Candidate, searchUpwards } from './session-url.ts';

/** The runs of a session that a URL names, and the destination that they were found at. */
export interface FoundSession {
  /** The caller closes it. */
  readonly destination: Store;
  readonly entries: readonly CatalogueEntry[];
  /** The first right to read that was missing. */
  readonly denied: DeniedError | undefined;
}

/**
 * Finds what is there of a session, in each folder that may be its destination.
 * @throws when the nearest one cannot be read
 */
export async function findSession(
  config: SessionConfig,
  { signals, printError }: Pick<CommandInput, 'signals' | 'printError'>,
): Promise<FoundSession> {
  const signal = signals.stopRequested;
  const options = { signal, ...printRetries(printError) };
  let alone: (Omit<FoundSession, 'destination'> & { readonly root: DestinationUrl }) | undefined;
  const { destination, found } = await searchUpwards(config, options, async (store, candidate) => {
    const { entries, denied } = await lookAt(store, candidate, signal);
    if (!entries.every(isArchiveAlone)) return { entries, denied };
    // Further up may be the report of it: an experiment's archive is not beside that.
    if (entries.length > 0) alone ??= { root: candidate.root, entries, denied };
    return undefined;
  });
  if (found !== undefined) return { destination, ...found };
  if (alone === undefined) return { destination, entries: [], denied: undefined };
  destination.close();
  const { root, ...rest } = alone;
  return { destination: await openStore(root, { s3: config.save.s3, ...options }), ...rest };
}

function isArchiveAlone({ report, journals, archive }: CatalogueEntry): boolean {
  return report === undefined && journals.length === 0 && archive !== undefined;
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
