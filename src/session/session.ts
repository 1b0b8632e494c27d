import type { Config, Place } from '../config/session-config.ts';
import type { JournalEnd } from '../journal/writer/journal.ts';
import type { Progress } from '../runtime/progress.ts';
import { limitTime } from '../runtime/signals.ts';
import { errorText } from '../runtime/text.ts';
import { sessionFolder } from '../save/archive-name.ts';
import { type NotSaved, type SavedArchive, saveArchive } from '../save/save.ts';
import type { Destination, Fitness } from '../store/store.ts';
import type { End, Saved } from './end-reason.ts';
import { beginRecording, type Recording, recoveryCommand, sendLastChanges } from './journal.ts';
import { type Played, play } from './run-processes.ts';
import type { PlayTools } from './runtime.ts';
import { leftOut } from './workdir.ts';

export interface Tools extends PlayTools {
  readonly progress: Progress;
  /** Opens a destination, each once. */
  readonly open: (place: Place) => Promise<Destination>;
  /** The log's file is about to be archived. */
  readonly closeLogFile: () => Promise<void>;
}

export interface Outcome {
  readonly end: End;
  /** undefined: the destination was refused before anything was started. */
  readonly played: Played | undefined;
  readonly saved: Saved;
  readonly archive: SavedArchive | NotSaved | undefined;
  /** undefined: there is no journal. */
  readonly recording: Recording | undefined;
  readonly notices: readonly string[];
}

/** One session, from the first look at its destination to its archive's safety. It never rejects. */
export async function runSession(config: Config, tools: Tools): Promise<Outcome> {
  const refusal = await preflight(config, tools);
  if (refusal !== undefined) return nothingPlayed(refusal);
  const recording = await record(config, tools);
  const played = await play(config, tools);
  tools.enter('saving');
  const kept = await keep(config, recording, tools);
  return { end: played.end, played, recording, ...kept };
}

function nothingPlayed(end: End): Outcome {
  const saved = { how: 'nothing-to-save' } as const;
  return { end, played: undefined, saved, archive: undefined, recording: undefined, notices: [] };
}

/** A destination that says no ends a session before a player wastes an hour; one that is merely down may be back. */
async function preflight({ save, stop }: Config, tools: Tools): Promise<End | undefined> {
  for (const place of [save.destination, save.fallback]) {
    if (place === undefined) continue;
    const { url, fitness } = await checkPlace(place, stop.timeoutMs, tools);
    if (fitness.state === 'refused') {
      const why = `${url} cannot be used: ${fitness.why}`;
      return { by: 'destination-refused', why, remedy: fitness.remedy };
    }
    if (fitness.state === 'unavailable') {
      tools.log.warn(
        { url, why: fitness.why },
        'the destination does not answer now; it is tried again at the end',
      );
    }
  }
  return undefined;
}

const PREFLIGHT_MS = 30_000;

async function checkPlace(place: Place, stopTimeoutMs: number, { open, stops }: Tools) {
  using limit = limitTime(stops, { normallyMs: PREFLIGHT_MS, stopTimeoutMs, share: 0 });
  const destination = await open(place);
  try {
    return { url: destination.url, fitness: await destination.check(limit.signal) };
  } catch (error) {
    const fitness: Fitness = { state: 'unavailable', why: errorText(error) };
    return { url: destination.url, fitness };
  }
}

/** A session without a journal is a session still. */
async function record(config: Config, tools: Tools): Promise<Recording | undefined> {
  const { workdir, timestamp, save } = config;
  try {
    const { folder } = await sessionFolder(workdir, timestamp);
    const destination = await tools.open(save.destination);
    return beginRecording(config, { destination, folder, leaveOut: await leftOut(config) }, tools.log);
  } catch (error) {
    tools.log.error({ err: error }, 'the journal cannot be begun');
    return undefined;
  }
}

/** The last changes first, since they make everything durable in seconds; then the archive, whole. */
async function keep(config: Config, recording: Recording | undefined, tools: Tools) {
  await tools.closeLogFile();
  const { folder, notice } = await sessionFolder(config.workdir, config.timestamp);
  if (notice !== undefined) tools.log.warn(notice);
  const notices = notice === undefined ? [] : [notice];
  const lastChanges = recording && (await sendLastChanges(config, recording, tools));
  const archive = await saveArchive(config, folder, await leftOut(config), tools);
  if (archive.how === 'archive') lastChanges?.giveUp();
  const journalEnd = await lastChanges?.end;
  return { archive, notices, saved: whereItIs(archive, recording, journalEnd) };
}

function whereItIs(
  archive: SavedArchive | NotSaved,
  recording: Recording | undefined,
  journalEnd: JournalEnd | undefined,
): Saved {
  if (archive.how === 'archive') return { how: 'archive' };
  if (recording === undefined || journalEnd?.durable !== true) return { how: 'lost' };
  return { how: 'journal', recover: recoveryCommand(recording) };
}
