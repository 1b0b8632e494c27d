import { setImmediate } from 'node:timers/promises';

/**
 * Maps a source with bounded concurrency, results in the order of the source. Up to `window` items are being worked on
 * or waiting to be consumed, while the next one is requested from the source. However the iteration ends, no work is
 * still running afterwards.
 * @param discard receives results that were produced but not consumed
 */
export async function* mapConcurrently<T, U>(
  source: AsyncIterable<T>,
  window: number,
  work: (item: T) => Promise<U>,
  discard: (result: U) => Promise<void> | void = () => undefined,
): AsyncGenerator<U> {
  const items = source[Symbol.asyncIterator]();
  const started: Promise<U>[] = [];
  let next = handled(items.next());
  try {
    for (let item = await next; !item.done; item = await next) {
      started.push(handled(work(item.value)));
      next = handled(items.next());
      if (started.length >= window) yield await shift(started);
    }
    while (started.length > 0) yield await shift(started);
  } finally {
    await next.catch(() => undefined);
    for (const result of await Promise.allSettled(started)) {
      if (result.status === 'fulfilled') await discard(result.value);
    }
    await items.return?.();
  }
}

/** Marks a promise that is awaited later: a rejection before that is not an unhandled one. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function shift<T>(queue: Promise<T>[]): Promise<T> {
  const [oldest] = queue.splice(0, 1);
  if (oldest === undefined) throw new Error('the queue is empty');
  return oldest;
}

/** Does the same work for many, one after the other, whether it succeeds or not. */
export function inTurn<Item, Result>(work: (item: Item) => Promise<Result>): (item: Item) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return item => {
    const next = last.then(() => work(item));
    last = next.catch(() => undefined);
    return next;
  };
}

/** Called between synchronous calls; returns a promise to await when it is time to yield to the event loop. */
export type Yielder = () => Promise<void> | undefined;

const YIELD_EVERY_MS = 10;

/**
 * Yields to the event loop every 10 ms of synchronous work. File system calls are made synchronously where there are
 * many: an lstat or a read from the page cache takes 1 to 3 µs, and 40 µs by libuv's thread pool.
 */
export function createYielder(): Yielder {
  let yieldAtMs = performance.now() + YIELD_EVERY_MS;
  return () => {
    if (performance.now() < yieldAtMs) return undefined;
    return setImmediate().then(() => {
      yieldAtMs = performance.now() + YIELD_EVERY_MS;
    });
  };
}
