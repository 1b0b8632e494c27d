import { tarEntryBytes } from '../../files/tar.ts';
import { createPace } from '../../runtime/yield.ts';
import { type BytePath, jsonBytes } from '../format/byte-path.ts';
import { SEGMENT_BYTES } from '../format/schema.ts';
import { formatCrc, type Piece } from '../format/segment.ts';
import { type Arena, type Bytes, type Taken, take, toMs } from './changes.ts';
import { isPlainlyNamed, type Ledger, type Tracked } from './file-index.ts';

export interface ServeOptions {
  /** Of the segment. */
  readonly sequence: number;
  /** 0: whatever has been rewritten is taken now. */
  readonly rewriteIntervalMs: number;
  readonly onUnreadable: (path: BytePath, why: string) => void;
  /** Where the bytes are until the segment is made. */
  readonly arena: Arena;
}

/**
 * Takes bytes of the files that have some, as much as there is room for: appended ones first, then new contents. Each
 * file gets an equal share of the room, and what one does not need is shared among the others, so a flooding file never
 * starves a quiet one. Those that were served longest ago come first.
 */
export async function serve(ledger: Ledger, roomBytes: number, options: ServeOptions): Promise<Piece[]> {
  const ready = [...ledger.dirty].filter(tracked => isDue(tracked, options)).sort(byTurn);
  const renewed = ready.filter(isRenewed);
  const grown = ready.filter(tracked => !isRenewed(tracked));
  const kept = renewed.length > 0 ? RENEWED_BYTES : 0;
  const first = await serveEach(ledger, grown, roomBytes - kept, options);
  const second = await serveEach(ledger, renewed, first.leftBytes + kept, options);
  return [...first.pieces, ...second.pieces];
}

/** So many bytes are kept for new contents while any wait. */
const RENEWED_BYTES = SEGMENT_BYTES / 4;

/** Of a piece, beside its bytes: its record in the index, its header, its padding. */
const RECORD_BYTES = 300;
const SUFFIX_BYTES = 40;
const PADDING_BYTES = 511;

/** Everybody's least share: a crowd of small files is not cut into shreds. */
const MIN_SHARE_BYTES = 64 * 1024;

function isDue(tracked: Tracked, { rewriteIntervalMs }: ServeOptions): boolean {
  return rewriteIntervalMs === 0 || tracked.dueMs <= performance.now();
}

/** It is, or is about to be, taken anew as a whole. */
export function isRenewed(tracked: Tracked): boolean {
  return tracked.isSuspect || tracked.coming !== undefined;
}

function byTurn(a: Tracked, b: Tracked): number {
  return a.servedIn - b.servedIn || bytesBehind(a) - bytesBehind(b);
}

/** What the journal does not have of a file, by its size in the last scan. */
export function bytesBehind({ node, current, coming, isSuspect }: Tracked): number {
  const end = coming?.end ?? (isSuspect ? 0 : (current?.end ?? 0));
  return Math.max(0, node.stat.size - end);
}

async function serveEach(
  ledger: Ledger,
  queue: readonly Tracked[],
  roomBytes: number,
  options: ServeOptions,
): Promise<{ pieces: Piece[]; leftBytes: number }> {
  const pace = createPace();
  const pieces: Piece[] = [];
  let leftBytes = roomBytes;
  for (const [i, tracked] of queue.entries()) {
    await pace();
    const { path } = tracked.node;
    const cost =
      tarEntryBytes(path.length + SUFFIX_BYTES, 0, 0) + PADDING_BYTES + RECORD_BYTES + jsonBytes(path);
    if (cost >= leftBytes) break;
    const share = Math.max(MIN_SHARE_BYTES, Math.floor(leftBytes / (queue.length - i)) - cost);
    const taken = await take(ledger, tracked, { ...options, pace, room: Math.min(share, leftBytes - cost) });
    settle(ledger, tracked, taken);
    if (taken.as === 'unreadable') options.onUnreadable(path, taken.why);
    if (taken.as !== 'piece') continue;
    tracked.servedIn = options.sequence;
    const piece = toPiece(ledger, tracked, taken.bytes);
    pieces.push(piece);
    leftBytes -= cost + piece.record.length;
  }
  return { pieces, leftBytes };
}

/** Enters in the books what is known of a file after a look into it. */
function settle(ledger: Ledger, tracked: Tracked, taken: Taken): void {
  if (taken.as === 'waiting' || taken.as === 'gone') return;
  const isBehind = taken.as === 'piece' && (!taken.bytes.isLast || isRenewed(tracked));
  if (!isBehind) {
    ledger.dirty.delete(tracked);
    tracked.behindSinceMs = undefined;
  } else if (bytesBehind(tracked) === 0) {
    // All that the last scan saw is taken; what is missing has come since.
    tracked.behindSinceMs = ledger.scannedAtMs;
  }
  if (taken.as === 'piece') tracked.lastReadStat = taken.bytes.stat;
  if (taken.as !== 'kept') return;
  tracked.lastReadStat = taken.stat;
  const { placed, node } = tracked;
  const isAsKnown = placed?.mode === taken.stat.mode && placed.mtimeMs === toMs(taken.stat.mtimeNs);
  if (!isAsKnown || placed.path !== node.path) ledger.moved.add(tracked);
}

function toPiece(ledger: Ledger, tracked: Tracked, bytes: Bytes): Piece {
  const { generation, offset, stat, whole, replaces, isTorn } = bytes;
  const where = { path: tracked.node.path, mode: stat.mode, mtimeMs: toMs(stat.mtimeNs) };
  tracked.placed = where;
  return {
    isFirst: isPlainlyNamed(ledger, where.path, generation.number),
    body: bytes.body,
    record: {
      generation: generation.number,
      ...where,
      offset,
      length: bytes.length,
      crc32: formatCrc(bytes.crc),
      size: stat.size,
      ...(whole === undefined ? {} : { whole }),
      ...(replaces === undefined ? {} : { replaces }),
      ...(isTorn ? { torn: true } : {}),
    },
  };
}
