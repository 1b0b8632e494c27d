import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentError, type Store } from '../../store/store.ts';
import { type JournalStatus, parseStatus, SEGMENT_BYTES, STATUS_KEY } from '../format/schema.ts';

/** Nothing of a journal is larger: a segment that does not compress is about as large as what is in it. */
const MAX_OBJECT_BYTES = 2 * SEGMENT_BYTES;

const TRIES = 4;

/**
 * Reads an object whole; undefined: there is none. One that is larger than anything in a journal is given as empty.
 * @throws when the destination cannot be read after a few tries, which says nothing about the object
 */
export async function fetchObject(
  destination: Store,
  key: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await collect(await destination.get(key, signal));
    } catch (error) {
      signal.throwIfAborted();
      if (tries === TRIES || error instanceof PermanentError) {
        throw new Error(`could not read ${key} from ${destination.url}`, { cause: error });
      }
    }
    await sleep(200 * 2 ** tries, undefined, { signal });
  }
}

/** undefined: there is none, or it is damaged. */
export async function fetchStatus(
  destination: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<JournalStatus | undefined> {
  const object = await fetchObject(destination, `${prefix}/${STATUS_KEY}`, signal);
  if (object === undefined) return undefined;
  try {
    return parseStatus(object.toString());
  } catch (error) {
    // The segments hold all that it says, so that nothing is lost with it.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

async function collect(chunks: AsyncIterable<Buffer> | undefined): Promise<Buffer | undefined> {
  if (chunks === undefined) return undefined;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_OBJECT_BYTES) return Buffer.alloc(0);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
