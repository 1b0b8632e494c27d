import { readdirSync } from 'node:fs';
import { foldersLeftOut, isLocal } from '../../files/left-out.ts';
import { chooser, type Selection } from '../../files/selection.ts';
import { createYielder } from '../../runtime/concurrency.ts';
import { type BytePath, fromText, joinPath, toFsPath, toText } from '../format/byte-path.ts';
import { type FolderId, isSameFile, isSameFolder, statNow, toFileStat } from './file-stat.ts';
import { type FileNode, type FolderNode, isRacy, type LinkNode, newFolderNode } from './node.ts';
import { createRest } from './rest.ts';
import {
  attempt,
  isLeftOut,
  isPartOfDatabase,
  type Scan,
  type ScanResult,
  statEntry,
  toNode,
} from './scan.ts';

/** Compares the working directory with what it was in the previous scan. */
export interface Scanner {
  /**
   * @param everything look at each file, as nothing is written any more: from now on in all scans
   * @throws when the working directory itself cannot be read; nothing counts as removed then.
   */
  scan(everything?: boolean): Promise<ScanResult>;
  /** Whether the working directory is the one that it was, and can be looked at. */
  hasRoot(): boolean;
  /** Ends what it watches. */
  close(): void;
}

/** @param rootAtStart undefined: the working directory is the one that the first scan finds */
export function createScanner(selection: Selection, rootAtStart?: () => FolderId): Scanner {
  const rootPath = fromText(selection.root);
  const choose = chooser(selection);
  const root = newFolderNode('', toFsPath(rootPath), undefined, selection.include.length === 0, true);
  let scans = 0;
  let isRootLocal: boolean | undefined;
  const rest = createRest(({ stat }) => {
    isRootLocal ??= isLocal(rootPath);
    return isRootLocal && stat?.dev === root.stat?.dev;
  });
  return {
    close: rest.close,
    async scan(everything = false) {
      const result: ScanResult = {
        atMs: Date.now(),
        added: new Set(),
        removed: [],
        changed: new Set(),
        unreadable: [],
      };
      scans += 1;
      await rest.begin(everything);
      const leftOut = await foldersLeftOut(rootPath);
      const why = leftOut.get(rootPath);
      root.isLeftOut = why !== undefined;
      if (root.isLeftOut) throw new Error(`${toText(rootPath)} is on ${why}`);
      await scanTree({ root, rootPath, rootAtStart, choose, leftOut, result, scans, rest });
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

/** The files of a folder that rests are looked at this often. */
const SCANS_PER_LOOK = 15;

async function scanTree(scan: Scan): Promise<void> {
  const pace = createYielder();
  if (!checkFolder(scan, scan.root, isListingDue(scan, 0)))
    throw new Error(`${toText(scan.rootPath)} cannot be read, or is another folder by now`);
  const folders: FolderNode[] = [scan.root];
  // The list grows while it is iterated.
  for (const [number, folder] of folders.entries()) {
    const isResting = scan.rest.isResting(folder, (scan.scans + number) % SCANS_PER_LOOK === 0);
    const before = findings(scan.result);
    for (const [name, child] of folder.children) {
      if (isResting && child.kind !== 'folder') continue;
      await pace();
      const isThere =
        child.kind === 'folder'
          ? checkFolder(scan, child, isListingDue(scan, folders.length))
          : checkEntry(scan, child);
      if (!isThere) recheck(scan, folder, name);
      else if (child.kind === 'folder') folders.push(child);
    }
    if (!isResting) scan.rest.looked(folder, findings(scan.result) > before);
  }
}

function findings({ added, removed, changed, unreadable }: ScanResult): number {
  return added.size + removed.length + changed.size + unreadable.length;
}

/** The folders' turns are spread over the scans. */
function isListingDue({ scans }: Scan, folder: number): boolean {
  return (scans + folder) % SCANS_PER_LISTING === 0;
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
  if (node.kind === 'folder') {
    scan.rest.forget(node);
    for (const inner of [...node.children.keys()]) removeChild(scan, node, inner);
  }
  const { added, removed, changed } = scan.result;
  if (node.kind !== 'link') changed.delete(node);
  // Added and removed within this scan: as if it had never existed.
  const wasKnown = !added.delete(node);
  if (wasKnown && (node.kind !== 'folder' || node.isReported)) removed.push(node);
}
