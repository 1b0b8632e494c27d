import { toMtime } from '../../files/times.ts';
import { jsonBytes } from '../format/byte-path.ts';
import { type PlacedRecord, SEGMENT_BYTES, type SegmentIndex } from '../format/schema.ts';
import type { Piece } from '../format/segment.ts';
import { generationsOf } from './database.ts';
import type { FileIndex, IndexedFile } from './file-index.ts';
import { readDueFiles, type SegmentOptions } from './scheduler.ts';

/** The changes that one segment brings. */
export interface SegmentContent extends Pick<SegmentIndex, 'removed' | 'placed' | 'folders' | 'links'> {
  readonly pieces: readonly Piece[];
}

/**
 * Removes from the index as many changes as fit into one segment: what was removed, folders and links, then the files'
 * bytes, then their new names, modes and times. The rest stays for the next segment. undefined: there are none.
 */
export async function buildSegment(
  index: FileIndex,
  options: SegmentOptions,
): Promise<SegmentContent | undefined> {
  const budget = { left: SEGMENT_BYTES - INDEX_BYTES };
  const generations = fitting(index.removedGenerations, budget, () => NUMBER_BYTES);
  const paths = fitting(index.removedPaths, budget, jsonBytes);
  const folders = fitting(index.folders, budget, ([path]) => RECORD_BYTES + jsonBytes(path));
  const links = fitting(index.links, budget, ([path, to]) => RECORD_BYTES + jsonBytes(path) + jsonBytes(to));
  const known = index.metadataChanged.size === 0 ? 0 : Math.min(budget.left, METADATA_BYTES);
  const metadataBudget = { left: NEW_METADATA_BYTES + known };
  const pieces = await readDueFiles(index, budget.left - metadataBudget.left, options);
  const moved = fitting(
    index.metadataChanged,
    metadataBudget,
    file => Math.max(2, generationsOf(file).size) * (RECORD_BYTES + jsonBytes(file.node.path)),
  );

  for (const number of generations) index.removedGenerations.delete(number);
  for (const path of paths) index.removedPaths.delete(path);
  for (const [path] of folders) index.folders.delete(path);
  for (const [path] of links) index.links.delete(path);
  for (const file of moved) index.metadataChanged.delete(file);

  const content = {
    removed: { generations, paths },
    folders: folders.map(([path, mode]) => ({ path, mode })),
    links: links.map(([path, target]) => ({ path, target })),
    pieces,
    placed: moved.flatMap(placedRecords),
  };
  const isEmpty = [generations, paths, folders, links, pieces, content.placed].every(
    list => list.length === 0,
  );
  return isEmpty ? undefined : content;
}

/** Reserved for what the index of every segment says. */
const INDEX_BYTES = 128 * 1024;
/** Reserved for names, modes and times that reading the files finds to have changed. */
const NEW_METADATA_BYTES = 64 * 1024;
/** At most this for those that are known to have changed before. */
const METADATA_BYTES = 1024 * 1024;
const NUMBER_BYTES = 12;
const RECORD_BYTES = 80;

/** The first items, as many as the budget holds, which gets smaller by them. */
function fitting<T>(items: Iterable<T>, budget: { left: number }, bytesOf: (item: T) => number): T[] {
  const fitted: T[] = [];
  for (const item of items) {
    const bytes = bytesOf(item);
    if (bytes > budget.left) break;
    budget.left -= bytes;
    fitted.push(item);
  }
  return fitted;
}

/** The present path, mode and time of a file's generations. */
function placedRecords(file: IndexedFile): PlacedRecord[] {
  return Array.from(generationsOf(file), ([{ number }, { suffix, stat }]) => {
    const { mode, mtimeNs } = stat;
    const path = `${file.node.path}${suffix}`;
    if (suffix === '') file.sentMetadata = { path, mode, mtimeNs };
    return { generation: number, path, mode, ...toMtime(mtimeNs) };
  });
}
