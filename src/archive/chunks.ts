import { addAbortListener } from 'node:events';
import type { Level } from './level.ts';

/**
 * Joins pieces to chunks of one size, the last one smaller; each byte is copied once.
 * @param spare Chunks to fill again: whoever needs one no more puts it there.
 */
export async function* cutChunks(
  pieces: AsyncIterable<Buffer>,
  chunkBytes: number,
  spare: Buffer[],
): AsyncGenerator<Buffer, void> {
  const fresh = () => spare.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
  let chunk = fresh();
  let used = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(chunk, used, at);
      at += copied;
      used += copied;
      if (used < chunkBytes) continue;
      yield chunk;
      chunk = fresh();
      used = 0;
    }
  }
  if (used > 0) yield chunk.subarray(0, used);
}

export interface Waits {
  /** A chunk was ready and nobody took it. */
  networkMs: number;
}

/**
 * Has the next chunk made while the last one is used, and moves the level by who waits for whom. An aborted signal
 * rejects at once, even while a read hangs.
 */
export async function* oneAhead(
  chunks: AsyncGenerator<Buffer, void>,
  level: Level,
  waits: Waits,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  try {
    for (let next = ask(chunks, signal); ; ) {
      const result = await next.result;
      if (result.done) return;
      next = ask(chunks, signal);
      yield result.value;
      const { readyAtMs } = next;
      if (readyAtMs === undefined) level.lower();
      else level.raise();
      waits.networkMs += readyAtMs === undefined ? 0 : performance.now() - readyAtMs;
    }
  } finally {
    const closed = chunks.return();
    if (signal.aborted) closed.catch(unheard);
    else await closed;
  }
}

interface Asked {
  readonly result: Promise<IteratorResult<Buffer, void>>;
  /** By performance.now(); undefined while it is being made. */
  readyAtMs: number | undefined;
}

function ask(chunks: AsyncGenerator<Buffer, void>, signal: AbortSignal): Asked {
  const { promise: result, resolve, reject } = Promise.withResolvers<IteratorResult<Buffer, void>>();
  const asked: Asked = { result, readyAtMs: undefined };
  // One listener for each chunk: a race with one promise for all of them would keep them all in memory.
  const listener = addAbortListener(signal, () => reject(signal.reason));
  const settled = () => {
    listener[Symbol.dispose]();
    asked.readyAtMs = performance.now();
  };
  chunks.next().then(resolve, reject).finally(settled);
  result.catch(unheard);
  return asked;
}

/** For a promise whose failure is told elsewhere, or is that of an aborted signal. */
const unheard = () => undefined;
