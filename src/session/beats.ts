import type { Beat, BeatFile } from '../minecraft/cuberite/beat.ts';
import type { Log } from '../runtime/log.ts';
import { errorText } from '../runtime/text.ts';

/** From when the server is ready. */
const FIRST_BEAT_MS = 30_000;

/**
 * Reads what the world of the server tells of itself; what it does not tell, and what cannot be read, is said once, and
 * ends nothing.
 * @returns the last beat, as far as it is known
 */
export function readBeats(file: BeatFile, log: Log): () => Promise<Beat | undefined> {
  const startMs = performance.now();
  const told = new Set<string>();
  const tell = (text: string) => {
    if (!told.has(text)) log.warn({ event: 'notice' }, text);
    told.add(text);
  };
  let isFirst = true;
  return async () => {
    const beat = await file.read().catch((error: unknown) => {
      tell(`${NOT_NOTICED}: ${errorText(error)}.`);
      return undefined;
    });
    if (beat !== undefined) isFirst = false;
    else if (isFirst && performance.now() - startMs > FIRST_BEAT_MS) tell(`${NOT_NOTICED}, ${SAVED_SELDOM}`);
    for (const what of beat?.missing ?? []) tell(`This build of Cuberite lacks ${what}: ${without(what)}.`);
    return beat;
  };
}

const NOT_NOTICED = 'A world that hangs is not noticed';
const SAVED_SELDOM =
  'and the world is saved when Cuberite does so: its plug-in session_world does not run, as its log may tell.';

function without(what: string): string {
  return what === 'SaveAllChunks'
    ? 'the world is saved when it does so by itself, every 5 minutes'
    : 'the plug-in session_world goes without it';
}
