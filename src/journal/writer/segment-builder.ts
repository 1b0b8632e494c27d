import { jsonBytes } from '../format/byte-path.ts';
import { type PlacedRecord, SEGMENT_BYTES, type SegmentIndex } from '../format/schema.ts';
import type { Piece } from '../format/segment.ts';
import { toMs } from './changes.ts';
import type { Ledger, Tracked } from './file-index.ts';
import { type ServeOptions, serve } from './scheduler.ts';

/** What the next segment holds. */
export interface Gathered extends Pick<SegmentIndex, 'removed' | 'placed' | 'folders' | 'links'> {
  readonly pieces: readonly Piece[];
}

/**
 * Takes out of the books as much as fits into one segment: what was removed, folders and links, then the files' bytes,
 * then their new names, modes and times. What does not fit stays for the next one. undefined: there was nothing.
 */
export async function gather(ledger: Ledger, options: ServeOptions): Promise<Gathered | undefined> {
  const room = { left: SEGMENT_BYTES - INDEX_BYTES };
  const generations = fitting(ledger.removedGenerations, room, () => NUMBER_BYTES);
  const paths = fitting(ledger.removedPaths, room, jsonBytes);
  const folders = fitting(ledger.folders, room, ([path]) => RECORD_BYTES + jsonBytes(path));
  const links = fitting(ledger.links, room, ([path, to]) => RECORD_BYTES + jsonBytes(path) + jsonBytes(to));
  const names = { left: SPARE_BYTES + (ledger.moved.size === 0 ? 0 : Math.min(room.left, NAMES_BYTES)) };
  const pieces = await serve(ledger, room.left - names.left, options);
  const moved = fitting(ledger.moved, names, ({ node }) => 2 * (RECORD_BYTES + jsonBytes(node.path)));

  for (const number of generations) ledger.removedGenerations.delete(number);
  for (const path of paths) ledger.removedPaths.delete(path);
  for (const [path] of folders) ledger.folders.delete(path);
  for (const [path] of links) ledger.links.delete(path);
  for (const tracked of moved) ledger.moved.delete(tracked);

  const gathered = {
    removed: { generations, paths },
    folders: folders.map(([path, mode]) => ({ path, mode })),
    links: links.map(([path, target]) => ({ path, target })),
    pieces,
    placed: moved.flatMap(place),
  };
  const isEmpty = [generations, paths, folders, links, pieces, gathered.placed].every(
    list => list.length === 0,
  );
  return isEmpty ? undefined : gathered;
}

/** For what every segment's index says. */
const INDEX_BYTES = 128 * 1024;
/** For names, modes and times that come out while files are read. */
const SPARE_BYTES = 64 * 1024;
/** For those that have come out before. */
const NAMES_BYTES = 1024 * 1024;
const NUMBER_BYTES = 12;
const RECORD_BYTES = 80;

function fitting<T>(waiting: Iterable<T>, room: { left: number }, bytesOf: (item: T) => number): T[] {
  const taken: T[] = [];
  for (const item of waiting) {
    const bytes = bytesOf(item);
    if (bytes > room.left) break;
    room.left -= bytes;
    taken.push(item);
  }
  return taken;
}

/** Where a file's contents are now. */
function place(tracked: Tracked): PlacedRecord[] {
  const { node, current, coming } = tracked;
  const where = { path: node.path, mode: node.stat.mode, mtimeMs: toMs(node.stat.mtimeNs) };
  tracked.placed = where;
  return [current, coming].flatMap(generation =>
    generation === undefined ? [] : { generation: generation.number, ...where },
  );
}
