import type { ArchiverAhead } from '../archive/archiver-ahead.ts';
import { destinationText } from '../config/destination-url.ts';
import type { DestinationUrl } from '../config/session-config.ts';
import { placeAt, placeInside } from '../save/archive-place.ts';
import { type Experiment, readExperiment } from '../save/experiment.ts';
import { saveArchive } from '../save/save.ts';
import type { SaveTarget } from '../save/save-request.ts';
import { flushJournal } from './flush-journal.ts';
import type { SessionJournal } from './journal.ts';
import type { SessionResult } from './result.ts';
import type { SessionRuntime } from './runtime.ts';
import { stateOfSaved, stateOfUnsaved } from './saved-state.ts';
import { excludedPaths } from './workdir.ts';

/**
 * Saves what a session recorded, once its processes are gone: the journal's last changes, which make everything durable
 * in seconds, and beside them the archive, whole, unless the time is short: see `flushJournal`. It never rejects.
 */
export async function saveSession(
  runtime: SessionRuntime,
  journal: SessionJournal | undefined,
  ahead: ArchiverAhead,
): Promise<Pick<SessionResult, 'archive' | 'saved' | 'notices'>> {
  const { config, log, claims } = runtime;
  const { workdir, save } = config;
  await runtime.closeLogFile();
  const experiment = await readExperiment(workdir, save.experiment);
  if (experiment.notice !== undefined) log.warn({ event: 'notice' }, experiment.notice);
  const flush = journal && (await flushJournal(journal, runtime));
  const { include, exclude, codec, gzipLevel: level, deflate, stallMs } = save;
  const request = {
    source: { root: workdir, include, exclude, excludedPaths: await excludedNow(runtime, experiment) },
    archive: { codec, level, deflate },
    targets: saveTargets(runtime, experiment),
    stallMs,
    listsFiles: journal !== undefined,
    ahead,
  };
  const archive = await saveArchive(request, runtime);
  if (archive.how === 'archive') flush?.cancel();
  else flush?.hurry();
  const journalEnd = await flush?.end;
  const { saved, notices } =
    archive.how === 'archive'
      ? await stateOfSaved(archive, journal, journalEnd, runtime)
      : await stateOfUnsaved(journal, journalEnd, runtime);
  const all = [experiment.notice, ...claims.notices(), ...notices].filter(text => text !== undefined);
  return { archive, saved, notices: all };
}

function excludedNow({ config, claims }: SessionRuntime, { id }: Experiment): Promise<string[]> {
  const { destination } = config.save;
  const name = destination.kind === 'inside' ? undefined : claims.at(destination).claimed()?.name;
  return excludedPaths(config, name ?? config.timestamp, id);
}

function saveTargets({ config, openStore, claims }: SessionRuntime, { id }: Experiment): SaveTarget[] {
  const { workdir, save } = config;
  const { destination, fallback, archiveName, key: template } = save;
  const source = { template, experiment: id, archiveName, root: '' };
  const target = (url: DestinationUrl, deadline: SaveTarget['deadline']): SaveTarget => ({
    url: destinationText(url),
    open: () => openStore(url),
    async place(store, signal) {
      if (url.kind === 'inside') return placeInside(archiveName);
      return placeAt(store, await claims.at(url).claimNow(signal), source, claims.claimant);
    },
    inside: url.kind !== 's3' && url.path === workdir,
    deadline,
  });
  const first = target(destination, 'archiveAtDestination');
  return fallback === undefined ? [first] : [first, target(fallback, 'archiveAtFallback')];
}
