import { tarEntryBytes } from '../../files/tar.ts';
import { toMtime } from '../../files/times.ts';
import { createYielder } from '../../runtime/concurrency.ts';
import { type BytePath, jsonBytes } from '../format/byte-path.ts';
import { SEGMENT_BYTES } from '../format/schema.ts';
import { formatCrc, type Piece } from '../format/segment.ts';
import { readChanges } from './changes.ts';
import type { FileIndex, IndexedFile } from './file-index.ts';
import type { ContentCheck } from './options.ts';
import { hasPlainName, NO_GENERATION } from './plain-names.ts';
import type { Arena } from './read-parts.ts';
import type { PieceBytes, ReadResult } from './read-piece.ts';

export interface SegmentOptions {
  /** Of the segment. */
  readonly sequence: number;
  /** Between two contents of a rewritten file; 0: it is read now. */
  readonly rewriteIntervalMs: number;
  readonly onUnreadable: (path: BytePath, why: string) => void;
  /** Where the bytes are until the segment is encoded. */
  readonly arena: Arena;
  /** A folder for private copies of databases. */
  readonly scratch: string;
  /** Tells what is being written just now; undefined: nothing does. */
  readonly contentCheck?: ContentCheck | undefined;
  /** That is left to a later segment. */
  readonly mayWait?: boolean;
}

/**
 * Decides which files are read for a segment, and how much of each: appended bytes first, then new contents. Each file
 * has an equal share, and what one leaves is shared among the others, so that a file that grows fast never starves a
 * slow one. The least recently read come first.
 * @param maxBytes of the pieces, with their tar headers and index records
 */
export async function readDueFiles(
  index: FileIndex,
  maxBytes: number,
  options: SegmentOptions,
): Promise<Piece[]> {
  const due = [...index.dirty].filter(file => isDue(file, options)).sort(leastRecentlyRead);
  const rewritten = due.filter(isRewrite);
  const appended = due.filter(file => !isRewrite(file));
  const reserved = rewritten.length > 0 ? REWRITE_BYTES : 0;
  const first = await readEach(index, appended, maxBytes - reserved, options);
  const second = await readEach(index, rewritten, first.leftBytes + reserved, options);
  return [...first.pieces, ...second.pieces];
}

/** Reserved for new contents while there are any. */
const REWRITE_BYTES = SEGMENT_BYTES / 4;

/** Of a piece besides its bytes: its record in the index, what its entry's name adds to the path, its padding. */
const RECORD_BYTES = 400;
/** The record of a hole. */
const HOLE_BYTES = 60;
const SUFFIX_BYTES = 50;
const PADDING_BYTES = 511;

/** The smallest share, so that many small files are not cut into pieces. */
const MIN_SHARE_BYTES = 64 * 1024;

function isDue(file: IndexedFile, { rewriteIntervalMs }: SegmentOptions): boolean {
  return rewriteIntervalMs === 0 || file.notBeforeMs <= performance.now();
}

/** Whether the next bytes of the file are, or may be, those of a new content. */
export function isRewrite(file: IndexedFile): boolean {
  return file.maybeRewritten || file.pending !== undefined || file.database !== undefined;
}

function leastRecentlyRead(a: IndexedFile, b: IndexedFile): number {
  return a.lastSegment - b.lastSegment || unsentBytes(a) - unsentBytes(b);
}

/** What is not in segments, by the file's size in the last scan. */
export function unsentBytes({ node, current, pending, maybeRewritten }: IndexedFile): number {
  const end = pending?.end ?? (maybeRewritten ? 0 : (current?.end ?? 0));
  return Math.max(0, node.stat.size - end);
}

async function readEach(
  index: FileIndex,
  queue: readonly IndexedFile[],
  maxBytes: number,
  options: SegmentOptions,
): Promise<{ pieces: Piece[]; leftBytes: number }> {
  const pace = createYielder();
  const pieces: Piece[] = [];
  let leftBytes = maxBytes;
  for (const [i, file] of queue.entries()) {
    await pace();
    const { path } = file.node;
    const overhead =
      tarEntryBytes(path.length + SUFFIX_BYTES, 0, 0) + PADDING_BYTES + RECORD_BYTES + jsonBytes(path);
    if (overhead >= leftBytes) break;
    const share = Math.max(MIN_SHARE_BYTES, Math.floor(leftBytes / (queue.length - i)) - overhead);
    let maxContent = Math.min(share, leftBytes - overhead);
    do {
      const limits = { maxBytes: maxContent, overheadBytes: overhead };
      const result = await readChanges(index, file, { ...options, pace, ...limits });
      recordRead(index, file, result);
      if (result.kind === 'unreadable') options.onUnreadable(path, result.why);
      if (result.kind !== 'piece') break;
      file.lastSegment = options.sequence;
      for (const piece of toPieces(index, file, result.bytes)) {
        pieces.push(piece);
        const taken = overhead + piece.body.length + (piece.record.holes?.length ?? 0) * HOLE_BYTES;
        leftBytes -= taken;
        maxContent -= taken;
      }
      // The other files of a database.
    } while (file.database?.copy !== undefined && maxContent > 0);
  }
  return { pieces, leftBytes };
}

/** Notes in the index what reading a file has told. */
function recordRead(index: FileIndex, file: IndexedFile, result: ReadResult): void {
  if (result.kind === 'deferred' || result.kind === 'gone') return;
  file.unreadable = result.kind === 'unreadable' ? result.why : undefined;
  if (file.unreadable !== undefined) return;
  const hasMore = result.kind === 'piece' && (!result.bytes.isLast || isRewrite(file));
  if (!hasMore) {
    index.dirty.delete(file);
    file.unsentSinceMs = undefined;
  } else if (unsentBytes(file) === 0) {
    // All that the last scan saw is read; the rest was written after it.
    file.unsentSinceMs = index.scannedAtMs;
  }
  if (result.kind === 'piece') file.lastReadStat = result.bytes.stat;
  if (result.kind !== 'unchanged') return;
  file.lastReadStat = result.stat;
  const { sentMetadata, node } = file;
  const isSent =
    sentMetadata?.path === node.path &&
    sentMetadata.mode === result.stat.mode &&
    sentMetadata.mtimeNs === result.stat.mtimeNs;
  if (!isSent) index.metadataChanged.add(file);
}

function toPieces(index: FileIndex, file: IndexedFile, bytes: PieceBytes): Piece[] {
  const { generation, suffix, parts, stat, completeSize, base, content, replaces, set } = bytes;
  const metadata = { path: `${file.node.path}${suffix}`, mode: stat.mode, ...toMtime(stat.mtimeNs) };
  if (suffix === '') file.sentMetadata = { path: metadata.path, mode: stat.mode, mtimeNs: stat.mtimeNs };
  // The entries with the plain name are a content by themselves.
  const isFirst =
    hasPlainName(index, metadata.path, base === undefined ? generation.number : NO_GENERATION) &&
    base === undefined;
  return parts.map(({ offset, length, body, crc, holes }, i) => ({
    isFirst,
    body,
    record: {
      generation: generation.number,
      ...metadata,
      offset,
      length,
      crc32: formatCrc(crc),
      size: stat.size,
      ...(completeSize === undefined ? {} : { whole: completeSize }),
      ...(base === undefined ? {} : { base }),
      ...(content === undefined || i < parts.length - 1 ? {} : { content }),
      ...(replaces === undefined ? {} : { replaces }),
      ...(set === undefined ? {} : { set }),
      ...(bytes.changedWhileRead ? { torn: true } : {}),
      ...(holes.length === 0 ? {} : { holes: [...holes] }),
    },
  }));
}
