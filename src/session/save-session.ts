import { destinationText } from '../config/destination-url.ts';
import type { DestinationUrl } from '../config/session-config.ts';
import type { JournalEnd } from '../journal/writer/journal.ts';
import { sessionFolder } from '../save/experiment-id.ts';
import { type NotSaved, type SavedArchive, type SaveTarget, saveArchive } from '../save/save.ts';
import type { SaveState } from './end-reason.ts';
import { flushJournal, recoveryCommand, type SessionJournal } from './journal.ts';
import type { SessionResult } from './result.ts';
import type { SessionRuntime } from './runtime.ts';
import { excludedPaths } from './workdir.ts';

/**
 * Saves what a session recorded, once its processes are gone: the journal's last changes first, since they make
 * everything durable in seconds; then the archive, whole. It never rejects.
 */
export async function saveSession(
  runtime: SessionRuntime,
  journal: SessionJournal | undefined,
): Promise<Pick<SessionResult, 'archive' | 'saved' | 'notices'>> {
  const { config, log } = runtime;
  const { workdir, timestamp, save } = config;
  await runtime.closeLogFile();
  const { folder, notice } = await sessionFolder(workdir, timestamp);
  if (notice !== undefined) log.warn({ event: 'notice' }, notice);
  const flush = journal && (await flushJournal(journal, runtime));
  const { include, exclude, archiveName, codec, gzipLevel, stallMs } = save;
  const request = {
    source: { root: workdir, include, exclude, excludedPaths: await excludedPaths(config) },
    archive: { name: archiveName, codec, level: gzipLevel },
    targets: saveTargets(runtime, folder),
    stallMs,
  };
  const archive = await saveArchive(request, runtime);
  if (archive.how === 'archive') flush?.cancel();
  const saved = saveStateOf(archive, journal, await flush?.end);
  return { archive, saved, notices: notice === undefined ? [] : [notice] };
}

function saveTargets({ config, openStore }: SessionRuntime, folder: string): SaveTarget[] {
  const { destination, fallback } = config.save;
  const target = (url: DestinationUrl, deadline: SaveTarget['deadline']): SaveTarget => ({
    url: destinationText(url),
    open: () => openStore(url),
    folder: url.kind === 'inside' ? '' : folder,
    inside: url.kind === 'inside',
    deadline,
  });
  const first = target(destination, 'archiveAtDestination');
  return fallback === undefined ? [first] : [first, target(fallback, 'archiveAtFallback')];
}

function saveStateOf(
  archive: SavedArchive | NotSaved,
  journal: SessionJournal | undefined,
  journalEnd: JournalEnd | undefined,
): SaveState {
  if (archive.how === 'archive') return { how: 'archive' };
  if (journal === undefined || journalEnd?.durable !== true) return { how: 'lost' };
  return { how: 'journal', recover: recoveryCommand(journal) };
}
