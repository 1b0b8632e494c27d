/**
 * The results of `work` in the order of the source, with up to `window` items being worked on or waiting to be
 * fetched, and the next one being asked for meanwhile. However it ends, nothing is still being worked on afterwards;
 * results that nobody fetched go to `discard`.
 */
export async function* inParallel<T, U>(
  source: AsyncIterable<T>,
  window: number,
  work: (item: T) => Promise<U>,
  discard: (result: U) => Promise<void> | void = () => undefined,
): AsyncGenerator<U> {
  const items = source[Symbol.asyncIterator]();
  const begun: Promise<U>[] = [];
  let next = handled(items.next());
  try {
    for (let item = await next; !item.done; item = await next) {
      begun.push(handled(work(item.value)));
      next = handled(items.next());
      if (begun.length >= window) yield await take(begun);
    }
    while (begun.length > 0) yield await take(begun);
  } finally {
    await next.catch(() => undefined);
    for (const result of await Promise.allSettled(begun)) {
      if (result.status === 'fulfilled') await discard(result.value);
    }
    await items.return?.();
  }
}

/** A promise that is awaited when its turn comes: until then its failure is not an unhandled one. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function take<U>(begun: Promise<U>[]): Promise<U> {
  const [oldest] = begun.splice(0, 1);
  if (oldest === undefined) throw new Error('nothing was begun');
  return oldest;
}
