import { createHash, type Hash } from 'node:crypto';
import type { Codec } from '../config/session-config.ts';
import type { Selection } from '../files/selection.ts';
import { cutChunks, prefetchOne } from './chunks.ts';
import { blockCodec } from './codecs.ts';
import { growHeapFaster } from './heap.ts';
import { type CappedListSummary, cappedList } from './skipped.ts';
import { type PackEvents, tarBlocks } from './tar-stream.ts';
import { walk } from './walk.ts';

export interface PackOptions {
  readonly selection: Selection;
  readonly codec: Codec;
  /** The compression level: 1 to 9 for gzip, 1 to 22 for zstd. */
  readonly level: number;
  /** The size of the chunks. */
  readonly chunkBytes: number;
  /** How many blocks are compressed at the same time. */
  readonly threads: number;
  readonly signal: AbortSignal;
  /** See `PackEvents`. */
  readonly onFile?: PackEvents['onFile'];
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
}

export interface Progress {
  readonly files: number;
  /** Content of files. */
  readonly bytesRead: number;
  readonly bytesOut: number;
}

export interface PackSummary {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Content of files. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of the whole archive, in hexadecimal. */
  readonly sha256: string;
  readonly skipped: CappedListSummary;
  readonly changed: CappedListSummary;
}

/**
 * Packs what is selected: walk, tar, codec, chunks, each pulled by the next. Faults of files do not fail it: they are in
 * the summary. The chunks reject with the signal's reason, and otherwise only for a bug or for want of memory.
 */
export function pack(options: PackOptions): Packing {
  const { selection, chunkBytes, level, threads, signal, onFile } = options;
  const codec = blockCodec(options.codec);
  const tally = { files: 0, directories: 0, links: 0, bytesRead: 0 };
  const events: PackEvents = { tally, skipped: cappedList(), changed: cappedList(), onFile };
  const freeBlocks: Buffer[] = [];
  const freeChunks: Buffer[] = [];
  const digest = createHash('sha256');
  let bytesOut = 0;
  let summary: PackSummary | undefined;

  async function* chunks(): AsyncGenerator<Buffer, void> {
    growHeapFaster();
    const tar = tarBlocks(walk(selection, signal), {
      blockBytes: codec.blockBytes,
      freeBuffers: freeBlocks,
      events,
      signal,
    });
    const encoded = codec.encode(tar, { level, threads, freeBuffers: freeBlocks });
    const cut = cutChunks(digested(encoded, digest), chunkBytes, freeChunks);
    for await (const chunk of prefetchOne(cut, signal)) {
      bytesOut += chunk.length;
      yield chunk;
    }
    const { bytesRead, ...counts } = tally;
    summary = {
      ...counts,
      bytesIn: bytesRead,
      bytesOut,
      sha256: digest.digest('hex'),
      skipped: events.skipped.summary(),
      changed: events.changed.summary(),
    };
  }

  return {
    chunks: chunks(),
    releaseChunk: chunk => {
      if (chunk.length === chunkBytes) freeChunks.push(chunk);
    },
    progress: () => ({ files: tally.files, bytesRead: tally.bytesRead, bytesOut }),
    summary: () => {
      if (summary === undefined) throw new Error('the archive has not been read to its end');
      return summary;
    },
  };
}

/** Piece by piece: hashing a whole chunk at once would leave the codec without work meanwhile. */
async function* digested(pieces: AsyncIterable<Buffer>, digest: Hash): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    digest.update(piece);
    yield piece;
  }
}
