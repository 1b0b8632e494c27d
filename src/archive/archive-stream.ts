import { createHash } from 'node:crypto';
import { createIndexWriter } from '../archive-index/write.ts';
import type { Codec } from '../config/session-config.ts';
import type { Selection } from '../files/selection.ts';
import { blockCodec } from './codecs.ts';
import type { Deflater } from './deflater.ts';
import { type CappedListSummary, cappedList } from './skipped.ts';
import { type PackEvents, tarBlocks } from './tar-stream.ts';
import { walk } from './walk.ts';

/** What is archived, and how. */
export interface ArchiveOptions {
  readonly selection: Selection;
  readonly codec: Codec;
  /** The compression level: 1 to 9 for gzip, 1 to 22 for zstd. */
  readonly level: number;
  /** How many blocks are compressed at the same time. */
  readonly threads: number;
  readonly signal: AbortSignal;
  /** See `PackEvents`. */
  readonly onFile?: PackEvents['onFile'];
}

/** An archive being made, as fast as its pieces are read. */
export interface ArchiveStream {
  /** Read once; some pieces are valid until the next ones are asked for. */
  readonly pieces: AsyncIterable<readonly Buffer[]>;
  /** Of the files that have been read. */
  progress(): ReadProgress;
  /** @throws {Error} before the pieces have been read to their end. */
  summary(): ArchiveSummary;
  /** Where everything is in the archive: see archive-index/format.ts. @throws {Error} as `summary` does */
  index(): Buffer;
}

export interface ReadProgress {
  readonly files: number;
  /** Content of files. */
  readonly bytesRead: number;
}

export interface ArchiveSummary {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Content of files. */
  readonly bytesIn: number;
  /** Of the whole archive, in hexadecimal. */
  readonly sha256: string;
  readonly skipped: CappedListSummary;
  readonly changed: CappedListSummary;
}

/**
 * Archives what is selected: walk, tar, codec, each pulled by the next. Faults of files do not fail it: they are in the
 * summary. The pieces reject with the signal's reason, and otherwise only for a bug, for want of memory or by the
 * deflater.
 * @param digestElsewhere tells the SHA-256 of all pieces once it is known, where somebody else makes it
 */
export function archiveStream(
  options: ArchiveOptions,
  deflater: Deflater,
  digestElsewhere?: () => string | undefined,
): ArchiveStream {
  const { selection, level, threads, signal, onFile } = options;
  const codec = blockCodec(options.codec, deflater);
  const tally = { files: 0, directories: 0, links: 0, bytesRead: 0 };
  const indexing = createIndexWriter();
  const onEntry = indexing.addEntry;
  const events: PackEvents = { tally, skipped: cappedList(), changed: cappedList(), onFile, onEntry };
  const freeBuffers: Buffer[] = [];
  const digest = digestElsewhere === undefined ? createHash('sha256') : undefined;
  const { blockBytes } = codec;
  let bytes = 0;
  let ownDigest: string | undefined;
  let isComplete = false;

  async function* pieces(): AsyncGenerator<readonly Buffer[], void> {
    const tar = tarBlocks(walk(selection, signal), { blockBytes, freeBuffers, events, signal });
    const onBlock = () => indexing.addBlock(bytes);
    for await (const some of codec.encode(tar, { level, threads, freeBuffers, onBlock })) {
      for (const piece of some) {
        bytes += piece.length;
        // Piece by piece: hashing a whole chunk at once would leave the codec without work meanwhile.
        digest?.update(piece);
      }
      yield some;
    }
    ownDigest = digest?.digest('hex');
    isComplete = true;
  }

  function finishedDigest(): string {
    const sha256 = digestElsewhere === undefined ? ownDigest : digestElsewhere();
    if (sha256 === undefined || !isComplete) throw new Error('the archive has not been read to its end');
    return sha256;
  }

  return {
    pieces: pieces(),
    progress: () => ({ files: tally.files, bytesRead: tally.bytesRead }),
    summary() {
      const { bytesRead, ...counts } = tally;
      const sha256 = finishedDigest();
      const [skipped, changed] = [events.skipped.summary(), events.changed.summary()];
      return { ...counts, bytesIn: bytesRead, sha256, skipped, changed };
    },
    index: () => indexing.finish({ bytes, sha256: finishedDigest(), codec: options.codec }, blockBytes),
  };
}
