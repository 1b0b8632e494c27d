import { createHash, type Hash } from 'node:crypto';
import type { Codec } from '../config/session-config.ts';
import type { Selection } from '../files/selection.ts';
import { countBusy } from './busy.ts';
import { cutChunks, oneAhead, type Waits } from './chunks.ts';
import { blockCodec } from './codecs.ts';
import { growHeapFaster } from './heap.ts';
import { followBottleneck } from './level.ts';
import { type Noted, notes } from './skipped.ts';
import { type Told, tarBlocks } from './tar-stream.ts';
import { walk } from './walk.ts';

export interface PackOptions {
  readonly selection: Selection;
  readonly codec: Codec;
  /** The compression level follows the bottleneck between these. */
  readonly level: { readonly min: number; readonly max: number };
  /** The size of the chunks. */
  readonly chunkBytes: number;
  /** How many blocks are compressed at the same time. */
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** An archive being made, as fast as its chunks are read. */
export interface Packing {
  /** Read once. Buffers of chunkBytes, the last one smaller. The reader has each for itself until it gives it back. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Gives back a chunk that the reader needs no more: it is filled again, which saves fetching memory for another. */
  giveBack(chunk: Buffer): void;
  progress(): Progress;
  /** How it went. @throws {Error} before the chunks have been read to their end. */
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
  /** How many blocks were compressed at each level; `stored`: not worth compressing. */
  readonly levels: Readonly<Record<string, number>>;
  readonly limitedBy: 'cpu' | 'disk' | 'network';
  readonly skipped: Noted;
  readonly changed: Noted;
}

/**
 * Packs what is selected: walk, tar, codec, chunks, each pulled by the next. Files never fail it; it rejects with the
 * signal's reason, and otherwise only for a bug or for want of memory.
 */
export function pack(options: PackOptions): Packing {
  const { selection, signal, threads } = options;
  const codec = blockCodec(options.codec);
  const level = followBottleneck(options.level, codec.startLevel);
  const tally = { files: 0, directories: 0, links: 0, bytesRead: 0 };
  const told: Told = { tally, skipped: notes(), changed: notes() };
  const waits: Waits = { networkMs: 0 };
  const compressing = countBusy();
  const spare: Buffer[] = [];
  const spareChunks: Buffer[] = [];
  const digest = createHash('sha256');
  let bytesOut = 0;
  let summary: PackSummary | undefined;

  async function* chunks(): AsyncGenerator<Buffer, void> {
    growHeapFaster();
    const startMs = performance.now();
    const tar = tarBlocks(walk(selection, signal), {
      blockBytes: codec.blockBytes,
      spare,
      told,
      signal,
    });
    const encoded = codec.encode(tar, { level, threads, spare, compressing });
    const cut = cutChunks(digested(encoded, digest), options.chunkBytes, spareChunks);
    for await (const chunk of oneAhead(cut, level, waits, signal)) {
      bytesOut += chunk.length;
      yield chunk;
    }
    const { bytesRead, ...counts } = tally;
    summary = {
      ...counts,
      bytesIn: bytesRead,
      bytesOut,
      sha256: digest.digest('hex'),
      levels: level.used(),
      limitedBy: bottleneck(waits.networkMs, compressing.ms(), performance.now() - startMs),
      skipped: told.skipped.read(),
      changed: told.changed.read(),
    };
  }

  return {
    chunks: chunks(),
    giveBack: chunk => {
      if (chunk.length === options.chunkBytes) spareChunks.push(chunk);
    },
    progress: () => ({ files: tally.files, bytesRead: tally.bytesRead, bytesOut }),
    summary: () => {
      if (summary === undefined) throw new Error('the archive has not been read to its end');
      return summary;
    },
  };
}

/** Piece by piece, since a whole chunk takes long enough for the codec to run dry. */
async function* digested(pieces: AsyncIterable<Buffer>, digest: Hash): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    digest.update(piece);
    yield piece;
  }
}

/** When nobody waits for the network and nothing is compressed, the next bytes of the files are not there yet. */
function bottleneck(networkMs: number, cpuMs: number, totalMs: number): 'cpu' | 'disk' | 'network' {
  const diskMs = totalMs - networkMs - cpuMs;
  if (networkMs >= cpuMs && networkMs >= diskMs) return 'network';
  return cpuMs >= diskMs ? 'cpu' : 'disk';
}
