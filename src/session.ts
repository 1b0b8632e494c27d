import type { Config, Place } from './config/config.ts';
import type { Destination, Fitness } from './destination/destination.ts';
import { sessionFolder } from './key.ts';
import { leftOut } from './left-out.ts';
import { type End, errorText, type Saved } from './outcome.ts';
import { type Played, type PlayTools, play } from './play.ts';
import type { Progress } from './progress.ts';
import { type NotSaved, type SavedArchive, saveArchive } from './save.ts';
import { limitTime } from './stops.ts';

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
  readonly notices: readonly string[];
}

/** One session, from the first look at its destination to its archive's safety. It never rejects. */
export async function runSession(config: Config, tools: Tools): Promise<Outcome> {
  const refusal = await preflight(config, tools);
  if (refusal !== undefined) {
    return {
      end: refusal,
      played: undefined,
      saved: { how: 'nothing-to-save' },
      archive: undefined,
      notices: [],
    };
  }
  const played = await play(config, tools);
  tools.enter('saving');
  const { archive, notices } = await save(config, tools);
  const saved: Saved = { how: archive.how === 'archive' ? 'archive' : 'lost' };
  return { end: played.end, played, saved, archive, notices };
}

/** A destination that says no ends a session before a player wastes an hour; one that is merely down may be back. */
async function preflight({ save, stop }: Config, tools: Tools): Promise<End | undefined> {
  for (const place of [save.destination, save.fallback]) {
    if (place === undefined) continue;
    const { url, fitness } = await checkPlace(place, stop.timeoutMs, tools);
    if (fitness.state === 'refused') {
      return {
        by: 'destination-refused',
        why: `${url} cannot be used: ${fitness.why}`,
        remedy: fitness.remedy,
      };
    }
    if (fitness.state === 'unavailable') {
      tools.log.warn(
        { why: fitness.why },
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

async function save(config: Config, tools: Tools) {
  await tools.closeLogFile();
  const { folder, notice } = await sessionFolder(config.workdir, config.timestamp);
  if (notice !== undefined) tools.log.warn(notice);
  const archive = await saveArchive(config, folder, await leftOut(config), tools);
  return { archive, notices: notice === undefined ? [] : [notice] };
}
