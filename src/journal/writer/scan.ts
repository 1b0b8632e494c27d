import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import { COMPANIONS } from '../../files/database.ts';
import { isMissing } from '../../files/errno.ts';
import type { Chooser } from '../../files/selection.ts';
import { errorText } from '../../runtime/text.ts';
import { type BytePath, joinPath, toFsPath, toText } from '../format/byte-path.ts';
import { isDatabaseAt } from './database.ts';
import { type FolderId, toFileStat } from './file-stat.ts';
import { type FileNode, type FolderNode, isRacy, type Node, newFolderNode } from './node.ts';
import type { Rest } from './rest.ts';

/** What has changed in the working directory since the previous scan. */
export interface ScanResult {
  /** When the scan began (Date.now): everything written before is found. */
  readonly atMs: number;
  readonly added: Set<Node>;
  /** Was added by an earlier scan; disjoint from `added` and `changed`. */
  readonly removed: Node[];
  readonly changed: Set<FileNode | FolderNode>;
  readonly unreadable: { readonly path: string; readonly why: string }[];
}

/** One scan, while it goes on. */
export interface Scan {
  readonly root: FolderNode;
  readonly rootPath: BytePath;
  readonly rootAtStart: (() => FolderId) | undefined;
  readonly choose: Chooser;
  readonly leftOut: ReadonlyMap<BytePath, string>;
  readonly result: ScanResult;
  /** The number of this scan. */
  readonly scans: number;
  readonly rest: Rest;
}

export function isLeftOut({ leftOut, rootPath }: Scan, path: BytePath): boolean {
  return leftOut.size > 0 && leftOut.has(joinPath(rootPath, path));
}

/** Whether a file that the globs leave out belongs to a database that they do not, as archive/walk.ts has it. */
export function isPartOfDatabase({ choose, rootPath }: Scan, folder: FolderNode, path: BytePath): boolean {
  const suffix = COMPANIONS.find(end => path.endsWith(end));
  if (suffix === undefined) return false;
  const main = path.slice(0, -suffix.length);
  const text = toText(main);
  if (choose.excludes(text) || !(folder.isFullyIncluded || choose.includes(text))) return false;
  return isDatabaseAt(toFsPath(joinPath(rootPath, main)));
}

/** undefined: neither a file, a folder nor a link, or a file or link that is not included. */
export function toNode(
  scan: Scan,
  parent: FolderNode,
  path: BytePath,
  fsPath: string | Buffer,
  stats: BigIntStats,
  isIncluded: boolean,
): Node | undefined {
  if (stats.isDirectory()) return newFolderNode(path, fsPath, parent, isIncluded, isIncluded);
  if (!isIncluded) return undefined;
  const stat = toFileStat(stats);
  if (stats.isFile()) return { kind: 'file', path, fsPath, parent, stat, hasRacyMtime: isRacy(stats) };
  if (!stats.isSymbolicLink()) return undefined;
  const target = attempt(scan, path, () => readlinkSync(fsPath, { encoding: 'latin1' }));
  return target === undefined ? undefined : { kind: 'link', path, fsPath, stat, target };
}

export function statEntry(
  scan: Scan,
  path: BytePath,
  fsPath: string | Buffer,
): BigIntStats | 'missing' | 'unreadable' {
  const lstat = () => lstatSync(fsPath, { bigint: true, throwIfNoEntry: false }) ?? 'missing';
  return attempt(scan, path, lstat) ?? 'unreadable';
}

/** What cannot be read counts as unchanged, and is reported unless it has only just been removed. */
export function attempt<T>(scan: Scan, path: BytePath, operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (!isMissing(error)) scan.result.unreadable.push({ path: toText(path), why: errorText(error) });
    return undefined;
  }
}
