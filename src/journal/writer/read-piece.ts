import type { PieceRecord } from '../format/schema.ts';
import { formatCrc } from '../format/segment.ts';
import { BLOCK_BYTES, type BlockReading, rememberBlocks } from './blocks.ts';
import type { Suffix } from './database.ts';
import type { FileIndex, IndexedFile } from './file-index.ts';
import type { FileStat } from './file-stat.ts';
import { type Generation, storedBytes } from './generation.ts';
import { isUntouched, type OpenFile } from './open-file.ts';
import type { ContentCheck } from './options.ts';
import { type Limits, type Part, readBlocks, readPart } from './read-parts.ts';

/** What reading a file that may have changed has given. */
export type ReadResult =
  | { readonly kind: 'piece'; readonly bytes: PieceBytes }
  /** The journal holds all of it. */
  | { readonly kind: 'unchanged'; readonly stat: FileStat }
  /** It has been rewritten, too soon after the last time, is not whole, or there is no room for a block: it is read later. */
  | { readonly kind: 'deferred' }
  /** It has been removed or replaced: the next scan tells which. */
  | { readonly kind: 'gone' }
  /** It is sent with the database that it belongs to. */
  | { readonly kind: 'companion' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** The next bytes of a generation. */
export interface PieceBytes {
  readonly generation: Generation;
  /** Of a database, which of its files it is. */
  readonly suffix: Suffix;
  /** One, or those of its blocks that are not as in its base. */
  readonly parts: readonly Part[];
  /** The file as it was before it was read. */
  readonly stat: FileStat;
  readonly completeSize: number | undefined;
  /** The number of the generation that the rest of its bytes are taken from. */
  readonly base: number | undefined;
  readonly content: PieceRecord['content'];
  /** The number of the generation that ends when this one is complete. */
  readonly replaces: number | undefined;
  /** Of a database: the generations with which it counts, and which of its own end then. */
  readonly set: PieceRecord['set'];
  readonly changedWhileRead: boolean;
  /** The journal holds now all that the file had. */
  readonly isLast: boolean;
}

export interface ReadOptions extends Limits {
  /**
   * From the start of one content of a file to that of the next, at least; 0: none. A file with append credit, such as
   * a log, does not wait.
   */
  readonly rewriteIntervalMs: number;
  /** A folder for private copies of databases. */
  readonly scratch: string;
  /** Tells what is being written just now; undefined: nothing does. */
  readonly contentCheck?: ContentCheck | undefined;
  /** That is left to a later segment. */
  readonly mayWait?: boolean;
}

/** Reading one file. */
export interface FileReading extends ReadOptions {
  readonly index: FileIndex;
  readonly file: IndexedFile;
  readonly open: OpenFile;
}

/** The generation's next bytes, as far as the file and the limit go. */
export async function readNext(
  reading: FileReading,
  generation: Generation,
  replaces: number | undefined,
): Promise<ReadResult> {
  const { index, open } = reading;
  const { completeSize, end: offset, blocks } = generation;
  const storedBefore = storedBytes(generation);
  if (blocks !== undefined && reading.maxBytes < BLOCK_BYTES) return { kind: 'deferred' };
  const size = completeSize ?? open.stat.size;
  const parts =
    blocks === undefined
      ? [await readPart(reading, generation, size)]
      : await readBlocks(reading, generation, blocks, size);
  // It was truncated just now, or the disk fails to read more of it.
  if (generation.end === offset && size > offset) return toFailure(open.fault);
  index.contentBytes += storedBytes(generation) - storedBefore;
  index.peakBytes = Math.max(index.peakBytes, index.contentBytes);
  const bytes: PieceBytes = {
    generation,
    suffix: '',
    parts,
    stat: open.stat,
    completeSize,
    base: blocks?.base?.generation,
    content: blocks && generation.end === completeSize ? endBlocks(index, generation, blocks) : undefined,
    replaces,
    set: undefined,
    changedWhileRead:
      generation.isTorn ||
      (completeSize !== undefined && !isUntouched(generation.startedFrom, open.statAgain())),
    isLast: generation.end === open.stat.size,
  };
  return { kind: 'piece', bytes };
}

/** All of a content has been read. @returns what its last piece tells of it; undefined: it stands by itself */
function endBlocks(index: FileIndex, generation: Generation, blocks: BlockReading): PieceBytes['content'] {
  generation.blocks = undefined;
  rememberBlocks(index.blocks, generation, blocks);
  if (blocks.base === undefined) return undefined;
  // A recovery has its pieces, its base and the content that is made of them for a moment.
  index.peakBytes = Math.max(index.peakBytes, index.contentBytes + generation.end);
  return { bytes: blocks.sentBytes, crc32: formatCrc(generation.crc) };
}

/** @param why undefined: nothing of it is there any more */
export function toFailure(why: string | undefined): ReadResult {
  return why === undefined ? { kind: 'gone' } : { kind: 'unreadable', why };
}

/** Takes back what was read last: it does not belong to the generation. */
export function undoRead(
  { index, arena }: Pick<FileReading, 'index' | 'arena'>,
  generation: Generation,
  before: Generation,
): void {
  const stored = storedBytes(generation) - storedBytes(before);
  index.contentBytes -= stored;
  arena.used -= stored;
  Object.assign(generation, before);
}
