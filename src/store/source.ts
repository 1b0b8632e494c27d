import { orAborted } from '../runtime/abort.ts';

/** What was to be stored could not be read: not the store's fault. Its cause is the source's own error. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

export interface Source<T> extends AsyncIterableIterator<T, undefined> {
  /** Closes the source without waiting; may be called more than once. */
  close(): void;
}

/**
 * Reads a source chunk by chunk until the signal is aborted, even while the source is idle. Whoever opens it closes it.
 * Its `next` throws a SourceError when the source fails.
 */
export function openSource<T>(chunks: AsyncIterable<T>, signal: AbortSignal): Source<T> {
  const iterator = chunks[Symbol.asyncIterator]();
  let isOpen = true;
  return {
    async next() {
      const next = await orAborted(nextOf(iterator), signal);
      if (!next.done) return next;
      isOpen = false;
      return { done: true, value: undefined };
    },
    async return() {
      this.close();
      return { done: true, value: undefined };
    },
    close() {
      if (isOpen) closeWithoutWaiting(iterator);
      isOpen = false;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function nextOf<T>(iterator: AsyncIterator<T>): Promise<IteratorResult<T>> {
  try {
    return await iterator.next();
  } catch (cause) {
    throw new SourceError('the source failed', { cause });
  }
}

/** An idle generator answers `return` only after its pending `next`, which may be never. */
function closeWithoutWaiting(iterator: AsyncIterator<unknown>): void {
  // The reading has already ended for a reason that is known better than what closing may add.
  iterator.return?.().then(undefined, () => undefined);
}
