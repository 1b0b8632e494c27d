import { keepYoungGenerationSmall } from '../runtime/heap.ts';
import type { ArchiveOptions, ArchiveSummary, ReadProgress } from './archive-stream.ts';
import type { ArchiveSums } from './archive-sums.ts';
import { archiverChunks } from './archiver.ts';
import type { ArchiverAhead } from './archiver-ahead.ts';
import { type ChunkStream, prefetchOne } from './chunks.ts';
import { packedAndSummed, packedHere } from './packed-here.ts';

export interface PackOptions extends ArchiveOptions {
  /** The size of the chunks. */
  readonly chunkBytes: number;
  /** The path of ISA-L's addon, which deflates in a process of its own; undefined: zlib does, here. */
  readonly isal?: string | undefined;
  /** Has that process waiting already, as a rule. */
  readonly ahead?: ArchiverAhead | undefined;
  /** Makes the archive's digest of its chunks, where this process packs it; default: it is made piece by piece, here. */
  readonly sums?: ArchiveSums | undefined;
}

/** An archive being made, as fast as its chunks are read. */
export interface Packing {
  /** Read once. Buffers of chunkBytes, the last one smaller. Each is the reader's until it is released. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Hands back a chunk that is not needed any more: it is filled again, which saves the allocation of another one. */
  releaseChunk(chunk: Buffer): void;
  progress(): Progress;
  /** @throws {Error} before the chunks have been read to their end. */
  summary(): PackSummary;
  /** See `ArchiveStream`. */
  index(): Buffer;
}

export interface Progress extends ReadProgress {
  readonly bytesOut: number;
}

export interface PackSummary extends ArchiveSummary {
  readonly bytesOut: number;
}

/**
 * Packs what is selected into chunks, as `archiveStream` does.
 * @throws {ArchiverError} by its chunks, where the process that ISA-L is in fails
 * @throws {SumsThreadError} by its chunks, where the thread of the sums does
 */
export function pack(options: PackOptions): Packing {
  keepYoungGenerationSmall();
  const { chunkBytes, signal } = options;
  const archive = openChunks(options);
  let bytesOut = 0;

  async function* chunks(): AsyncGenerator<Buffer, void> {
    for await (const chunk of prefetchOne(archive.chunks, signal)) {
      bytesOut += chunk.length;
      yield chunk;
    }
  }

  return {
    chunks: chunks(),
    releaseChunk: chunk => {
      if (chunk.length === chunkBytes) archive.release(chunk);
    },
    progress: () => ({ ...archive.progress(), bytesOut }),
    summary: () => ({ ...archive.summary(), bytesOut }),
    index: archive.index,
  };
}

function openChunks({ isal, ahead, sums, ...options }: PackOptions): ChunkStream {
  if (isal !== undefined) return archiverChunks({ ...options, isal, ahead });
  return sums === undefined ? packedHere(options) : packedAndSummed(options, sums);
}
