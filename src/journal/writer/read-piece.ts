import { crc32 } from 'node:zlib';
import { type Span, spanAt } from '../../files/holes.ts';
import type { Yielder } from '../../runtime/concurrency.ts';
import type { PieceRecord } from '../format/schema.ts';
import type { Suffix } from './database.ts';
import type { FileIndex, IndexedFile } from './file-index.ts';
import type { FileStat } from './file-stat.ts';
import { extend, extendByHole, type Generation, SLICE_BYTES, storedBytes } from './generation.ts';
import { isUntouched, type OpenFile } from './open-file.ts';

/** What reading a file that may have changed has given. */
export type ReadResult =
  | { readonly kind: 'piece'; readonly bytes: PieceBytes }
  /** The journal holds all of it. */
  | { readonly kind: 'unchanged'; readonly stat: FileStat }
  /** It has been rewritten, too soon after the last time: it is read later. */
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
  readonly offset: number;
  readonly length: number;
  /** In the arena. */
  readonly body: Buffer;
  readonly crc: number;
  /** What of these bytes is not in the body. */
  readonly holes: readonly Span[];
  /** The file as it was before it was read. */
  readonly stat: FileStat;
  readonly completeSize: number | undefined;
  /** The number of the generation that ends when this one is complete. */
  readonly replaces: number | undefined;
  /** Of a database: the generations with which it counts, and which of its own end then. */
  readonly set: PieceRecord['set'];
  readonly changedWhileRead: boolean;
  /** The journal holds now all that the file had. */
  readonly isLast: boolean;
}

/** One buffer for all the bytes of a segment, used again for the next one. */
export interface Arena {
  readonly bytes: Buffer;
  used: number;
}

export interface ReadOptions {
  /** At most so many bytes. */
  readonly maxBytes: number;
  /** Where they are read to. */
  readonly arena: Arena;
  /**
   * From the start of one content of a file to that of the next, at least; 0: none. A file with append credit, such as
   * a log, does not wait.
   */
  readonly rewriteIntervalMs: number;
  /** A folder for private copies of databases. */
  readonly scratch: string;
  readonly pace: Yielder;
}

/** Reading one file. */
export interface FileReading extends ReadOptions {
  readonly index: FileIndex;
  readonly file: IndexedFile;
  readonly open: OpenFile;
}

/** In one piece: its record has each. */
const MAX_HOLES = 1000;

/** The generation's next bytes, as far as the file and the limit go; holes are not read, and do not count. */
export async function readNext(
  { index, open, maxBytes, arena, pace }: FileReading,
  generation: Generation,
  replaces: number | undefined,
): Promise<ReadResult> {
  const { completeSize, end: offset } = generation;
  const limit = completeSize ?? open.stat.size;
  const from = arena.used;
  const holes: Span[] = [];
  let crc = 0;
  for (let left = maxBytes; generation.end < limit && left > 0; left = from + maxBytes - arena.used) {
    await pace();
    const span = spanAt(open.holes, generation.end, limit);
    if (span.isHole) {
      if (holes.length >= MAX_HOLES) break;
      holes.push({ offset: generation.end, length: span.length });
      extendByHole(generation, span.length);
      continue;
    }
    const wanted = Math.min(SLICE_BYTES, span.length, left);
    const slice = open.readInto(arena.bytes.subarray(arena.used, arena.used + wanted), generation.end);
    if (slice.length === 0) break;
    arena.used += slice.length;
    extend(generation, slice);
    crc = crc32(slice, crc);
  }
  const body = arena.bytes.subarray(from, arena.used);
  // It was truncated just now, or the disk fails to read more of it.
  if (generation.end === offset && limit > offset) return toFailure(open.fault);
  index.contentBytes += body.length;
  index.peakBytes = Math.max(index.peakBytes, index.contentBytes);
  const bytes: PieceBytes = {
    generation,
    suffix: '',
    offset,
    length: generation.end - offset,
    body,
    crc,
    holes,
    stat: open.stat,
    completeSize,
    replaces,
    set: undefined,
    changedWhileRead: completeSize !== undefined && !isUntouched(generation.startedFrom, open.statAgain()),
    isLast: generation.end === open.stat.size,
  };
  return { kind: 'piece', bytes };
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
