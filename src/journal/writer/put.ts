import { randomInt } from 'node:crypto';
import { pause, timeoutSignal } from '../../runtime/abort.ts';
import { errorText } from '../../runtime/text.ts';
import { AlreadyExistsError, type Store } from '../../store/store.ts';

export interface SendOptions {
  /** Nothing is tried any more. */
  readonly signal: AbortSignal;
  /** Whoever waits is to try again now, and not to wait long from now on. */
  readonly hurry: AbortSignal;
  readonly onFailure: (why: string) => void;
}

/**
 * Puts an object, again and again until it is there: the same bytes under the same key each time, so an answer that was
 * lost does no harm.
 * @throws {AlreadyExistsError} with `ifAbsent`, when something else has the key
 * @throws the signal's reason
 */
export async function send(
  destination: Store,
  key: string,
  body: Buffer,
  { ifAbsent, signal, hurry, onFailure }: SendOptions & { readonly ifAbsent: boolean },
): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    signal.throwIfAborted();
    const limit = patience(tries, hurry);
    try {
      await destination.put(key, body, { signal: AbortSignal.any([signal, limit.signal]), ifAbsent });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AlreadyExistsError && ifAbsent) {
        if (await holds(destination, key, body, signal)) return;
        throw error;
      }
      onFailure(errorText(error));
    } finally {
      limit.end();
    }
    await backOff(tries, signal, hurry);
  }
}

/** A try's time: longer each time, for lines that are slow rather than dead. */
function patience(tries: number, hurry: AbortSignal): { readonly signal: AbortSignal; end(): void } {
  const limit = new AbortController();
  const giveUp = (ms: number) => setTimeout(() => limit.abort(new Error(`no answer within ${ms} ms`)), ms);
  const timers = [
    giveUp(hurry.aborted ? HURRIED_TRY_MS : Math.min(FIRST_TRY_MS * 2 ** tries, LONGEST_TRY_MS)),
  ];
  const onHurry = () => timers.push(giveUp(HURRIED_TRY_MS));
  hurry.addEventListener('abort', onHurry, { once: true });
  return {
    signal: limit.signal,
    end() {
      hurry.removeEventListener('abort', onHurry);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

const FIRST_TRY_MS = 20_000;
const LONGEST_TRY_MS = 300_000;
/** For a segment of 8 MiB that hardly compresses, on a line of 10 Mbit/s. */
const HURRIED_TRY_MS = 8_000;

/** 0.1 s to 10 s, and half as much again by chance. */
async function backOff(tries: number, signal: AbortSignal, hurry: AbortSignal): Promise<void> {
  const longestMs = hurry.aborted ? 500 : 10_000;
  const ms = Math.min(100 * 2 ** Math.min(tries, 10), longestMs) * (1 + randomInt(500) / 1000);
  const wake = hurry.aborted ? signal : AbortSignal.any([signal, hurry]);
  await pause(ms, wake);
}

/** Whether an earlier try, whose answer was lost, has put these bytes there. */
async function holds(destination: Store, key: string, body: Buffer, signal: AbortSignal): Promise<boolean> {
  try {
    const chunks = await destination.get(key, timeoutSignal(HURRIED_TRY_MS, signal));
    if (chunks === undefined) return false;
    let at = 0;
    for await (const chunk of chunks) {
      if (!chunk.equals(body.subarray(at, at + chunk.length))) return false;
      at += chunk.length;
    }
    return at === body.length;
  } catch (error) {
    signal.throwIfAborted();
    // Where reading is not allowed it cannot be told: the journal begins under the next name, and both are recovered.
    if (error instanceof Error) return false;
    throw error;
  }
}
