import { toMs } from '../../files/times.ts';
import type { BytePath } from '../format/byte-path.ts';
import type { FileStat } from './file-stat.ts';

/** What the scanner remembers of a regular file from one scan to the next. */
export interface FileNode {
  readonly kind: 'file';
  /** Relative to the working directory. */
  readonly path: BytePath;
  /** Absolute, as node:fs takes it. */
  readonly fsPath: string | Buffer;
  readonly parent: FolderNode;
  stat: FileStat;
  /** The modification time cannot tell a later write apart: see `isRacy`. */
  hasRacyMtime: boolean;
}

export interface LinkNode {
  readonly kind: 'link';
  readonly path: BytePath;
  readonly fsPath: string | Buffer;
  readonly stat: FileStat;
  readonly target: BytePath;
}

export interface FolderNode {
  readonly kind: 'folder';
  readonly path: BytePath;
  readonly fsPath: string | Buffer;
  readonly parent: FolderNode | undefined;
  /** Everything below it is included; otherwise each entry is matched. */
  readonly isFullyIncluded: boolean;
  /** By name, without the folder's path. */
  readonly children: Map<BytePath, Node>;
  /** undefined: not scanned yet. */
  stat: FileStat | undefined;
  /** The next scan lists it whatever its modification time says: that is racy, or an entry could not be read. */
  mustList: boolean;
  /** What is mounted there is not looked into: see files/left-out.ts. */
  isLeftOut: boolean;
  /** It was in a scan's result. A folder that is not included itself is, once something in it is. */
  isReported: boolean;
}

export type Node = FileNode | LinkNode | FolderNode;

/** A folder that has not been scanned yet. */
export function newFolderNode(
  path: BytePath,
  fsPath: string | Buffer,
  parent: FolderNode | undefined,
  isFullyIncluded: boolean,
  isReported: boolean,
): FolderNode {
  return {
    kind: 'folder',
    path,
    fsPath,
    parent,
    isFullyIncluded,
    children: new Map(),
    stat: undefined,
    mustList: false,
    isLeftOut: false,
    isReported,
  };
}

/** Whether it is in a folder that is not looked into, as of the last scan. */
export function isOutOfSight({ parent }: FileNode): boolean {
  for (let folder: FolderNode | undefined = parent; folder !== undefined; folder = folder.parent)
    if (folder.isLeftOut) return true;
  return false;
}

/** Whether the modification time is so recent that a later write may leave the same one, as in git's racy index. */
export function isRacy({ mtimeNs }: Pick<FileStat, 'mtimeNs'>): boolean {
  const ageMs = Date.now() - toMs(mtimeNs);
  return ageMs > -1000 && ageMs < RACY_MS;
}

/** Longer than a tick of the kernel's clock that file systems take their times from (4 to 10 ms). */
const RACY_MS = 20;
