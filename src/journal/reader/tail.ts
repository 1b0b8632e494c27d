import { pause } from '../../runtime/abort.ts';
import type { Store } from '../../store/store.ts';
import { type BytePath, fromText } from '../format/byte-path.ts';
import { type PieceRecord, segmentKey } from '../format/schema.ts';
import { findJournals } from './find.ts';
import { type ReadSegment, readSegments, readStatus } from './read.ts';

export interface FollowOptions {
  readonly destination: Store;
  /** The journal's own prefix, e.g. `<TIMESTAMP>/journal`. */
  readonly prefix: string;
  /** Relative to the working directory. */
  readonly path: string;
  /** Go on when the end is reached, until the session ends. */
  readonly follow: boolean;
  /** Begins so many segments before the end, in the middle of the file; undefined: at the beginning. */
  readonly lastSegments?: number;
  readonly signal: AbortSignal;
}

export type Followed =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** The file was rewritten, cut or replaced: what comes now begins it anew. */
  | { readonly kind: 'anew' }
  /** Here come so many bytes that are as they were before. */
  | { readonly kind: 'as-before'; readonly bytes: number }
  /** So many bytes are missing here. */
  | { readonly kind: 'gap'; readonly bytes: number }
  | { readonly kind: 'problem'; readonly segment: string; readonly why: string };

/**
 * A file's bytes from its journal, from the beginning, as they were written; following it, with the journal's delay.
 * @throws when the destination cannot be read
 */
export async function* followFile(options: FollowOptions): AsyncGenerator<Followed> {
  const isLate = options.lastSegments !== undefined;
  const position: Position = { path: fromText(options.path), generation: undefined, end: 0, isLate };
  for await (const read of segmentsAsTheyArrive(options)) {
    if (read.segment === undefined) {
      const why = 'fault' in read ? read.fault : `from here on ${read.fence.host} recovers the session`;
      yield { kind: 'problem', segment: segmentKey(read.sequence), why };
      if ('fence' in read) return;
      continue;
    }
    const { index, bodies } = read.segment;
    for (const [i, piece] of index.pieces.entries()) {
      if (piece.path === position.path) yield* advance(position, piece, bodies[i] ?? Buffer.alloc(0));
    }
  }
}

interface Position {
  readonly path: BytePath;
  generation: number | undefined;
  end: number;
  /** What comes first need not be the beginning. */
  isLate: boolean;
}

function* advance(position: Position, piece: PieceRecord, bytes: Buffer): Generator<Followed> {
  if (position.generation !== piece.generation) {
    if (position.generation !== undefined) yield { kind: 'anew' };
    position.generation = piece.generation;
    position.end = position.isLate ? piece.offset : 0;
    position.isLate = false;
  }
  // Of a content that was sent as blocks only what has changed is shown: what it is based on is not kept.
  const kind = piece.base === undefined ? 'gap' : 'as-before';
  if (piece.offset > position.end) yield { kind, bytes: piece.offset - position.end };
  if (bytes.length > 0) yield { kind: 'bytes', bytes };
  position.end = piece.offset + piece.length;
  const { content, whole = 0 } = piece;
  if (content === undefined || whole <= position.end) return;
  yield { kind, bytes: whole - position.end };
  position.end = whole;
}

/** Those that are there, and then each one when it is. */
async function* segmentsAsTheyArrive(options: FollowOptions): AsyncGenerator<ReadSegment> {
  const { destination, prefix, signal } = options;
  const journal = (await findJournals(destination, `${prefix}/`, signal)).find(
    found => found.prefix === prefix,
  );
  let run = journal?.status?.run;
  let last = journal?.segments ?? 0;
  let wasThere = journal?.status !== undefined;
  const first = Math.max(1, last + 1 - (options.lastSegments ?? last));
  yield* readSegments({ destination, prefix, signal, first, last, run });
  while (options.follow) {
    const status = await readStatus(destination, prefix, signal);
    run ??= status?.run;
    // A journal that is gone was deleted: its session is saved.
    const isOver = status === undefined ? wasThere : status.state !== 'writing';
    wasThere ||= status !== undefined;
    // After the status, so that the last segment of a session that has just ended is not missed.
    while ((await destination.exists(`${prefix}/${segmentKey(last + 1)}`, signal)) === true) {
      last += 1;
      yield* readSegments({ destination, prefix, signal, first: last, last, run });
    }
    if (isOver) return;
    await pause(status?.intervalMs ?? POLL_MS, signal);
    signal.throwIfAborted();
  }
}

const POLL_MS = 2000;
