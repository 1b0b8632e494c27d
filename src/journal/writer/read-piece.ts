import { crc32 } from 'node:zlib';
import type { Yielder } from '../../runtime/concurrency.ts';
import type { PieceRecord } from '../format/schema.ts';
import type { Suffix } from './database.ts';
import type { FileIndex, IndexedFile } from './file-index.ts';
import type { FileStat } from './file-stat.ts';
import { extend, type Generation, SLICE_BYTES } from './generation.ts';
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

/** The generation's next bytes, as far as the file and the limit go. */
export async function readNext(
  { index, open, maxBytes, arena, pace }: FileReading,
  generation: Generation,
  replaces: number | undefined,
): Promise<ReadResult> {
  const { completeSize, end: offset } = generation;
  const limit = Math.min(offset + maxBytes, completeSize ?? open.stat.size);
  const from = arena.used;
  let crc = 0;
  while (generation.end < limit) {
    await pace();
    const free = arena.bytes.subarray(arena.used, arena.used + Math.min(SLICE_BYTES, limit - generation.end));
    const slice = open.readInto(free, generation.end);
    if (slice.length === 0) break;
    arena.used += slice.length;
    extend(generation, slice);
    crc = crc32(slice, crc);
  }
  const body = arena.bytes.subarray(from, arena.used);
  // It was truncated just now, or the disk fails to read more of it.
  if (body.length === 0 && limit > offset) return toFailure(open.fault);
  index.contentBytes += generation.end - offset;
  index.peakBytes = Math.max(index.peakBytes, index.contentBytes);
  const bytes: PieceBytes = {
    generation,
    suffix: '',
    offset,
    length: generation.end - offset,
    body,
    crc,
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
  index.contentBytes -= generation.end - before.end;
  arena.used -= generation.end - before.end;
  Object.assign(generation, before);
}
