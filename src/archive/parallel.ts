/**
 * The results of `work` in the order of the source, with up to `window` items being worked on or waiting to be
 * fetched. However it ends, nothing is still being worked on afterwards; results that nobody fetched go to `discard`.
 */
export async function* inParallel<T, U>(
  source: AsyncIterable<T>,
  window: number,
  work: (item: T) => Promise<U>,
  discard: (result: U) => Promise<void> | void = () => undefined,
): AsyncGenerator<U> {
  const begun: Promise<U>[] = [];
  try {
    for await (const item of source) {
      const result = work(item);
      // It is awaited when its turn comes; until then its failure is not an unhandled one.
      result.catch(() => undefined);
      begun.push(result);
      if (begun.length >= window) yield await take(begun);
    }
    while (begun.length > 0) yield await take(begun);
  } finally {
    for (const result of await Promise.allSettled(begun)) {
      if (result.status === 'fulfilled') await discard(result.value);
    }
  }
}

function take<U>(begun: Promise<U>[]): Promise<U> {
  const [oldest] = begun.splice(0, 1);
  if (oldest === undefined) throw new Error('nothing was begun');
  return oldest;
}
