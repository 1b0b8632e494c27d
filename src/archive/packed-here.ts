import { type ArchiveOptions, archiveStream } from './archive-stream.ts';
import type { ArchiveSums } from './archive-sums.ts';
import { type ChunkStream, cutChunks } from './chunks.ts';
import { zlibDeflater } from './zlib-deflater.ts';

interface PackedHereOptions extends ArchiveOptions {
  readonly chunkBytes: number;
}

/** `archiveStream` with zlib, cut into chunks. */
export function packedHere({ chunkBytes, ...options }: PackedHereOptions): ChunkStream {
  const freeChunks: Buffer[] = [];
  const { pieces, ...rest } = archiveStream(options, zlibDeflater());
  const chunks = cutChunks(pieces, chunkBytes, freeChunks);
  return { chunks, release: chunk => void freeChunks.push(chunk), ...rest };
}

/** How many chunks may wait for their sums: a disk may take them faster. */
const MAX_BEHIND = 2;

/** The same; the digest is made of whole chunks, while others are made and sent. @throws {SumsThreadError} by its chunks */
export function packedAndSummed(
  { chunkBytes, ...options }: PackedHereOptions,
  sums: ArchiveSums,
): ChunkStream {
  const freeChunks: Buffer[] = [];
  const added = new WeakMap<Buffer, Promise<unknown>>();
  let sha256: string | undefined;
  const { pieces, ...rest } = archiveStream(options, zlibDeflater(), () => sha256);

  async function* chunks(): AsyncGenerator<Buffer, void> {
    const behind: Promise<unknown>[] = [];
    for await (const chunk of cutChunks(pieces, chunkBytes, freeChunks)) {
      const adding = sums.add(chunk);
      added.set(chunk, adding);
      if (behind.push(adding) > MAX_BEHIND) await behind.shift();
      yield chunk;
    }
    sha256 = await sums.whole();
  }

  return {
    chunks: chunks(),
    // It may be sent before it is digested. Where that fails, no chunk is filled any more.
    release: chunk => void added.get(chunk)?.then(() => freeChunks.push(chunk), ignore),
    ...rest,
  };
}

const ignore = () => undefined;
