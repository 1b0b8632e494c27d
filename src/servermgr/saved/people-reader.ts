import { type People, peopleIn } from '../../journal/format/people.ts';
import { nthSessionName, sessionFolder } from '../../report/session-folder.ts';
import { readText } from '../../store/read.ts';
import { DeniedError, type Store } from '../../store/store.ts';

/** Reads who takes part in a session that runs; undefined: it does not tell. */
export type ReadPeople = (name: string, signal: AbortSignal) => Promise<People | undefined>;

/** A status names each file that waits for its upload. */
const MAX_STATUS_BYTES = 16 * 1024 * 1024;

/** A session that is started again under its name has the next one. */
const NEXT_MS = 60_000;

/** Reads the `status.json` of journals: a request for each answer, and one more a minute. */
export function createPeopleReader(destination: Store): ReadPeople {
  const latest = new Map<string, { nth: number; lookedMs: number }>();

  const read = (name: string, nth: number, signal: AbortSignal) =>
    readText(destination, `${sessionFolder(nthSessionName(name, nth))}/journal/status.json`, {
      maxBytes: MAX_STATUS_BYTES,
      signal,
    }).catch((error: unknown) => {
      // Where listing is denied, so is what is not there.
      if (!(error instanceof DeniedError)) throw error;
      return undefined;
    });

  return async (name, signal) => {
    const known = latest.get(name) ?? { nth: 1, lookedMs: Date.now() };
    latest.set(name, known);
    if (Date.now() - known.lookedMs >= NEXT_MS) {
      known.lookedMs = Date.now();
      while ((await read(name, known.nth + 1, signal)) !== undefined) known.nth += 1;
    }
    const status = await read(name, known.nth, signal);
    return status === undefined ? undefined : peopleIn(status);
  };
}
