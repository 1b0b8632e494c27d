import type { DestinationUrl, SessionConfig } from '../config/session-config.ts';
import type { JournalEnd } from '../journal/writer/journal.ts';
import { startDeadline } from '../runtime/deadline.ts';
import type { Progress } from '../runtime/progress.ts';
import { errorText } from '../runtime/text.ts';
import { sessionFolder } from '../save/archive-name.ts';
import { type NotSaved, type SavedArchive, saveArchive } from '../save/save.ts';
import type { CheckResult, Store } from '../store/store.ts';
import type { EndReason, SaveState } from './end-reason.ts';
import { flushJournal, recoveryCommand, type SessionJournal, startSessionJournal } from './journal.ts';
import { type ProcessesResult, runProcesses } from './run-processes.ts';
import type { PlayTools } from './runtime.ts';
import { excludedPaths } from './workdir.ts';

export interface Tools extends PlayTools {
  readonly progress: Progress;
  /** Opens a destination, each once. */
  readonly open: (place: DestinationUrl) => Promise<Store>;
  /** The log's file is about to be archived. */
  readonly closeLogFile: () => Promise<void>;
}

export interface SessionResult {
  readonly end: EndReason;
  /** undefined: the destination was refused before anything was started. */
  readonly played: ProcessesResult | undefined;
  readonly saved: SaveState;
  readonly archive: SavedArchive | NotSaved | undefined;
  /** undefined: there is no journal. */
  readonly recording: SessionJournal | undefined;
  readonly notices: readonly string[];
}

/** One session, from the first look at its destination to its archive's safety. It never rejects. */
export async function runSession(config: SessionConfig, tools: Tools): Promise<SessionResult> {
  const refusal = await preflight(config, tools);
  if (refusal !== undefined) return notStarted(refusal);
  const recording = await startJournalOf(config, tools);
  const played = await runProcesses(config, tools);
  tools.enter('saving');
  const kept = await saveAll(config, recording, tools);
  return { end: played.end, played, recording, ...kept };
}

function notStarted(end: EndReason): SessionResult {
  const saved = { how: 'nothing-to-save' } as const;
  return { end, played: undefined, saved, archive: undefined, recording: undefined, notices: [] };
}

/** A destination that says no ends a session before a player wastes an hour; one that is merely down may be back. */
async function preflight({ save, stop }: SessionConfig, tools: Tools): Promise<EndReason | undefined> {
  for (const place of [save.destination, save.fallback]) {
    if (place === undefined) continue;
    const { url, fitness } = await checkPlace(place, stop.timeoutMs, tools);
    if (fitness.state === 'denied') {
      const why = `${url} cannot be used: ${fitness.why}`;
      return { by: 'destination-refused', why, remedy: fitness.remedy };
    }
    if (fitness.state === 'unavailable') {
      tools.log.warn(
        { event: 'destination_unavailable', url, why: fitness.why },
        'destination unavailable at start; will be tried at the end',
      );
    }
  }
  return undefined;
}

const PREFLIGHT_MS = 30_000;

async function checkPlace(place: DestinationUrl, stopTimeoutMs: number, { open, signals }: Tools) {
  using limit = startDeadline(signals, { defaultMs: PREFLIGHT_MS, stopTimeoutMs, shutdownShare: 0 });
  const destination = await open(place);
  try {
    return { url: destination.url, fitness: await destination.check(limit.signal) };
  } catch (error) {
    const fitness: CheckResult = { state: 'unavailable', why: errorText(error) };
    return { url: destination.url, fitness };
  }
}

/** A session without a journal is a session still. */
async function startJournalOf(config: SessionConfig, tools: Tools): Promise<SessionJournal | undefined> {
  const { workdir, timestamp, save } = config;
  try {
    const { folder } = await sessionFolder(workdir, timestamp);
    const destination = await tools.open(save.destination);
    return startSessionJournal(
      config,
      { destination, folder, excludedPaths: await excludedPaths(config) },
      tools.log,
    );
  } catch (error) {
    tools.log.error({ event: 'journal_unavailable', err: error }, 'journal could not be started');
    return undefined;
  }
}

/** The last changes first, since they make everything durable in seconds; then the archive, whole. */
async function saveAll(config: SessionConfig, recording: SessionJournal | undefined, tools: Tools) {
  await tools.closeLogFile();
  const { folder, notice } = await sessionFolder(config.workdir, config.timestamp);
  if (notice !== undefined) tools.log.warn({ event: 'notice' }, notice);
  const notices = notice === undefined ? [] : [notice];
  const lastChanges = recording && (await flushJournal(config, recording, tools));
  const archive = await saveArchive(config, folder, await excludedPaths(config), tools);
  if (archive.how === 'archive') lastChanges?.giveUp();
  const journalEnd = await lastChanges?.end;
  return { archive, notices, saved: saveStateOf(archive, recording, journalEnd) };
}

function saveStateOf(
  archive: SavedArchive | NotSaved,
  recording: SessionJournal | undefined,
  journalEnd: JournalEnd | undefined,
): SaveState {
  if (archive.how === 'archive') return { how: 'archive' };
  if (recording === undefined || journalEnd?.durable !== true) return { how: 'lost' };
  return { how: 'journal', recover: recoveryCommand(recording) };
}
