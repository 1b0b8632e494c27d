import { orAborted } from '../runtime/abort.ts';
import type { ReadPosition, Store } from './store.ts';

/** The store does not answer; it may later. */
export class StoreSilentError extends Error {
  override readonly name = 'StoreSilentError';

  constructor(url: string, ms: number) {
    super(`${url} does not answer for ${ms / 1_000} s`);
  }
}

/** A store repeats what fails for ever: nobody who only looks waits so long. */
export const SILENT_MS = 60_000;

interface PatientOptions {
  readonly silentMs?: number;
  /** Default: the beginning. */
  readonly from?: ReadPosition;
}

/**
 * Reads an object for somebody who may take any time over each piece, and waits for the store no longer than so long.
 * @throws {StoreSilentError} and what the store throws; an error when there is no such object
 */
export async function* readPatiently(
  store: Store,
  key: string,
  signal: AbortSignal,
  { silentMs = SILENT_MS, from }: PatientOptions = {},
): AsyncGenerator<Buffer, void> {
  const reading = new AbortController();
  const silence = new StoreSilentError(store.url, silentMs);
  const wait = async <T>(answer: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => reading.abort(silence), silentMs);
    try {
      return await orAborted(answer, reading.signal);
    } finally {
      clearTimeout(timer);
    }
  };
  const abort = () => reading.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort);
  try {
    const body = await wait(store.get(key, reading.signal, from));
    if (body === undefined) throw new Error(`${store.url}/${key} is gone`);
    const pieces = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await wait(pieces.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      // Of one that hangs nobody waits for the end.
      reading.abort();
      void pieces.return?.().catch(() => undefined);
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
