import { orAborted } from '../runtime/abort.ts';
import type { ArchiveSummary, ReadProgress } from './archive-stream.ts';

/** An archive being made, cut into chunks of one size. */
export interface ChunkStream {
  /** Read once. Each chunk is the reader's. */
  readonly chunks: AsyncGenerator<Buffer, void>;
  /** Takes back a chunk that was filled to its end, to fill it again. */
  release(chunk: Buffer): void;
  progress(): ReadProgress;
  /** @throws {Error} before the chunks have been read to their end. */
  summary(): ArchiveSummary;
  /** See `ArchiveStream`. */
  index(): Buffer;
}

/**
 * Joins pieces to chunks of one size, the last one smaller; each byte is copied once. They lie where other threads can
 * read them as well.
 * @param freeBuffers Chunks to fill again: whoever has used one up pushes it.
 */
export async function* cutChunks(
  pieces: AsyncIterable<readonly Buffer[]>,
  chunkBytes: number,
  freeBuffers: Buffer[],
): AsyncGenerator<Buffer, void> {
  const nextBuffer = () => freeBuffers.pop() ?? Buffer.from(new SharedArrayBuffer(chunkBytes));
  let chunk = nextBuffer();
  let used = 0;
  for await (const some of pieces) {
    for (const piece of some) {
      for (let at = 0; at < piece.length; ) {
        const copied = piece.copy(chunk, used, at);
        at += copied;
        used += copied;
        if (used < chunkBytes) continue;
        yield chunk;
        chunk = nextBuffer();
        used = 0;
      }
    }
  }
  if (used > 0) yield chunk.subarray(0, used);
}

/**
 * Has the next chunk made while the last one is used.
 * @throws the signal's reason as soon as it is aborted, even while a read hangs
 */
export async function* prefetchOne(
  chunks: AsyncGenerator<Buffer, void>,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const request = () => {
    const result = orAborted(chunks.next(), signal);
    // It is awaited later, or never.
    result.catch(ignore);
    return result;
  };
  try {
    for (let next = request(); ; ) {
      const result = await next;
      if (result.done) return;
      next = request();
      yield result.value;
    }
  } finally {
    const closed = chunks.return();
    if (signal.aborted) closed.catch(ignore);
    else await closed;
  }
}

/** For a promise whose failure is reported elsewhere, or is that of an aborted signal. */
const ignore = () => undefined;
