import type { BigIntStats } from 'node:fs';
import type { BytePath } from '../format/byte-path.ts';
import type { FileStat } from './file-stat.ts';

export interface FileNode {
  readonly kind: 'file';
  readonly path: BytePath;
  readonly at: string | Buffer;
  stat: FileStat;
  /** Written so shortly before it was looked at that another write may carry the same time. */
  fresh: boolean;
}

export interface LinkNode {
  readonly kind: 'link';
  readonly path: BytePath;
  readonly at: string | Buffer;
  readonly stat: FileStat;
  readonly target: BytePath;
}

export interface FolderNode {
  readonly kind: 'folder';
  readonly path: BytePath;
  readonly at: string | Buffer;
  readonly parent: FolderNode | undefined;
  /** Everything in it is included. */
  readonly whole: boolean;
  readonly children: Map<BytePath, Node>;
  stat: FileStat | undefined;
  /** It is to be listed again: it has just changed, or not all of it could be looked at. */
  fresh: boolean;
  /** It has been found: folders that are only on the way are when something in them is. */
  announced: boolean;
}

export type Node = FileNode | LinkNode | FolderNode;

/** One that has not been looked at yet. */
export function folderNode(
  path: BytePath,
  at: string | Buffer,
  parent: FolderNode | undefined,
  whole: boolean,
  announced: boolean,
): FolderNode {
  return {
    kind: 'folder',
    path,
    at,
    parent,
    whole,
    children: new Map(),
    stat: undefined,
    fresh: false,
    announced,
  };
}

/** So young that another write may carry the same time. */
export function isFresh(stats: BigIntStats): boolean {
  const ageMs = Date.now() - Number(stats.mtimeMs);
  return ageMs > -1000 && ageMs < FRESH_MS;
}

/** Longer than a tick of the clock that file systems take their times from (4 to 10 ms). */
const FRESH_MS = 20;
