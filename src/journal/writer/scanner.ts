import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { COMPANIONS } from '../../files/database.ts';
import { isMissing } from '../../files/errno.ts';
import { foldersLeftOut } from '../../files/left-out.ts';
import { type Chooser, chooser, type Selection } from '../../files/selection.ts';
import { createYielder } from '../../runtime/concurrency.ts';
import { errorText } from '../../runtime/text.ts';
import { type BytePath, fromText, joinPath, toFsPath, toText } from '../format/byte-path.ts';
import { isDatabaseAt } from './database.ts';
import { type FolderId, isSameFile, isSameFolder, statNow, toFileStat } from './file-stat.ts';
import { type FileNode, type FolderNode, isRacy, type LinkNode, type Node, newFolderNode } from './node.ts';

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

/** Compares the working directory with what it was in the previous scan. */
export interface Scanner {
  /** @throws when the working directory itself cannot be read; nothing counts as removed then. */
  scan(): Promise<ScanResult>;
  /** Whether the working directory is the one that it was, and can be looked at. */
  hasRoot(): boolean;
}

/** @param rootAtStart undefined: the working directory is the one that the first scan finds */
export function createScanner(selection: Selection, rootAtStart?: () => FolderId): Scanner {
  const rootPath = fromText(selection.root);
  const choose = chooser(selection);
  const root = newFolderNode('', toFsPath(rootPath), undefined, selection.include.length === 0, true);
  let scans = 0;
  return {
    async scan() {
      const result: ScanResult = {
        atMs: Date.now(),
        added: new Set(),
        removed: [],
        changed: new Set(),
        unreadable: [],
      };
      scans += 1;
      const leftOut = await foldersLeftOut(rootPath);
      const why = leftOut.get(rootPath);
      root.isLeftOut = why !== undefined;
      if (root.isLeftOut) throw new Error(`${toText(rootPath)} is on ${why}`);
      await scanTree({ root, rootPath, rootAtStart, choose, leftOut, result, scans });
      return result;
    },
    hasRoot() {
      if (root.isLeftOut) return false;
      const now = statNow(root.fsPath);
      const before = rootAtStart?.() ?? root.stat;
      return now !== undefined && (before === undefined || isSameFolder(before, now));
    },
  };
}

/** Each folder is listed at least this often: a file system may not change a folder's time with its entries. */
const SCANS_PER_LISTING = 32;

interface Scan {
  readonly root: FolderNode;
  readonly rootPath: BytePath;
  readonly rootAtStart: (() => FolderId) | undefined;
  readonly choose: Chooser;
  readonly leftOut: ReadonlyMap<BytePath, string>;
  readonly result: ScanResult;
  /** The number of this scan. */
  readonly scans: number;
}

async function scanTree(scan: Scan): Promise<void> {
  const pace = createYielder();
  if (!checkFolder(scan, scan.root, isListingDue(scan, 0)))
    throw new Error(`${toText(scan.rootPath)} cannot be read, or is another folder by now`);
  const folders: FolderNode[] = [scan.root];
  // The list grows while it is iterated.
  for (const folder of folders) {
    for (const [name, child] of folder.children) {
      await pace();
      const isThere =
        child.kind === 'folder'
          ? checkFolder(scan, child, isListingDue(scan, folders.length))
          : checkEntry(scan, child);
      if (!isThere) recheck(scan, folder, name);
      else if (child.kind === 'folder') folders.push(child);
    }
  }
}

/** The folders' turns are spread over the scans. */
function isListingDue({ scans }: Scan, folder: number): boolean {
  return (scans + folder) % SCANS_PER_LISTING === 0;
}

function isLeftOut({ leftOut, rootPath }: Scan, path: BytePath): boolean {
  return leftOut.size > 0 && leftOut.has(joinPath(rootPath, path));
}

/** Lists the folder again where that is needed. @returns whether it is still a folder, as far as can be told */
function checkFolder(scan: Scan, folder: FolderNode, isListingDue: boolean): boolean {
  // What the session has written there is out of sight, and not deleted.
  folder.isLeftOut = isLeftOut(scan, folder.path);
  if (folder.isLeftOut) return true;
  const stats = statEntry(scan, folder.path, folder.fsPath);
  if (stats === 'unreadable') return folder !== scan.root;
  if (stats === 'missing' || !stats.isDirectory()) return false;
  const { stat: before, mustList } = folder;
  const stat = toFileStat(stats);
  // Another folder at its path, or under a mount: what the session has written is not deleted, but out of sight.
  const rootBefore = folder === scan.root ? (scan.rootAtStart?.() ?? before) : undefined;
  if (rootBefore !== undefined && !isSameFolder(rootBefore, stat)) return false;
  folder.stat = stat;
  folder.mustList = isRacy(stats);
  const hasNewMode = before !== undefined && before.mode !== stat.mode;
  if (hasNewMode && folder.isReported && folder !== scan.root) scan.result.changed.add(folder);
  const isSame = before !== undefined && isSameFile(before, stat) && before.mtimeNs === stat.mtimeNs;
  if (!isSame || mustList || isListingDue) list(scan, folder);
  return true;
}

function list(scan: Scan, folder: FolderNode): void {
  const names = attempt(scan, folder.path, () => readdirSync(folder.fsPath, { encoding: 'latin1' }));
  if (names === undefined) {
    folder.mustList = true;
    return;
  }
  const missing = new Set(folder.children.keys());
  for (const name of names) if (!missing.delete(name)) addChild(scan, folder, name);
  for (const name of missing) removeChild(scan, folder, name);
}

function addChild(scan: Scan, folder: FolderNode, name: BytePath): void {
  const path = joinPath(folder.path, name);
  const text = toText(path);
  const isExcluded = scan.choose.excludes(text);
  const isChosen = !isExcluded && (folder.isFullyIncluded || scan.choose.includes(text));
  const isPart = !isChosen && isPartOfDatabase(scan, folder, path);
  if (isExcluded && !isPart) return;
  if (isLeftOut(scan, path)) {
    folder.mustList = true;
    return;
  }
  const fsPath = toFsPath(joinPath(scan.rootPath, path));
  const stats = statEntry(scan, path, fsPath);
  if (isPart && (typeof stats === 'string' || !stats.isFile())) return;
  if (stats === 'unreadable') folder.mustList = true;
  const isIncluded = isChosen || isPart;
  const node = typeof stats === 'object' ? toNode(scan, folder, path, fsPath, stats, isIncluded) : undefined;
  if (node === undefined) return;
  folder.children.set(name, node);
  if (!isIncluded) return;
  addParents(scan, folder);
  scan.result.added.add(node);
}

/** Whether a file that the globs leave out belongs to a database that they do not, as archive/walk.ts has it. */
function isPartOfDatabase({ choose, rootPath }: Scan, folder: FolderNode, path: BytePath): boolean {
  const suffix = COMPANIONS.find(end => path.endsWith(end));
  if (suffix === undefined) return false;
  const main = path.slice(0, -suffix.length);
  const text = toText(main);
  if (choose.excludes(text) || !(folder.isFullyIncluded || choose.includes(text))) return false;
  return isDatabaseAt(toFsPath(joinPath(rootPath, main)));
}

/** undefined: neither a file, a folder nor a link, or a file or link that is not included. */
function toNode(
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

/** Reports the folder and its parents, as far as they are not reported yet: parents first. */
function addParents(scan: Scan, folder: FolderNode): void {
  if (folder.isReported) return;
  folder.isReported = true;
  if (folder.parent !== undefined) addParents(scan, folder.parent);
  scan.result.added.add(folder);
}

/** @returns whether it is still the same file or link, as far as can be told */
function checkEntry(scan: Scan, entry: FileNode | LinkNode): boolean {
  const stats = statEntry(scan, entry.path, entry.fsPath);
  if (stats === 'unreadable') return true;
  if (stats === 'missing' || !isSameFile(entry.stat, stats) || stats.isFile() !== (entry.kind === 'file'))
    return false;
  if (entry.kind === 'link') return true;
  const isSame = stats.mtimeNs === entry.stat.mtimeNs && stats.ctimeNs === entry.stat.ctimeNs;
  if (isSame && Number(stats.size) === entry.stat.size && !entry.hasRacyMtime) return true;
  entry.stat = toFileStat(stats);
  entry.hasRacyMtime = isRacy(stats);
  scan.result.changed.add(entry);
  return true;
}

/** The entry is gone; another one may have its name now. */
function recheck(scan: Scan, folder: FolderNode, name: BytePath): void {
  removeChild(scan, folder, name);
  addChild(scan, folder, name);
}

function removeChild(scan: Scan, folder: FolderNode, name: BytePath): void {
  const node = folder.children.get(name);
  folder.children.delete(name);
  if (node === undefined) return;
  if (node.kind === 'folder') for (const inner of [...node.children.keys()]) removeChild(scan, node, inner);
  const { added, removed, changed } = scan.result;
  if (node.kind !== 'link') changed.delete(node);
  // Added and removed within this scan: as if it had never existed.
  const wasKnown = !added.delete(node);
  if (wasKnown && (node.kind !== 'folder' || node.isReported)) removed.push(node);
}

function statEntry(
  scan: Scan,
  path: BytePath,
  fsPath: string | Buffer,
): BigIntStats | 'missing' | 'unreadable' {
  const lstat = () => lstatSync(fsPath, { bigint: true, throwIfNoEntry: false }) ?? 'missing';
  return attempt(scan, path, lstat) ?? 'unreadable';
}

/** What cannot be read counts as unchanged, and is reported unless it has only just been removed. */
function attempt<T>(scan: Scan, path: BytePath, operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (!isMissing(error)) scan.result.unreadable.push({ path: toText(path), why: errorText(error) });
    return undefined;
  }
}
