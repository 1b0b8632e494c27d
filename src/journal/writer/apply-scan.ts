import { companionNodes, mainNode } from './database.ts';
import { drop, type FileIndex, type IndexedFile, markDirty, newEntry } from './file-index.ts';
import { isSameFile, statNow } from './file-stat.ts';
import type { FileNode, Node } from './node.ts';
import type { ScanResult } from './scan.ts';

/**
 * Applies what a scan has found. A file that was removed under one path and added under another was moved and keeps its
 * content; one that was removed and added under the same path was replaced; one that was only removed is dropped after
 * the next scan.
 */
export function applyScan(index: FileIndex, { atMs, added, removed, changed }: ScanResult): void {
  index.previousScanAtMs = index.scannedAtMs;
  index.scannedAtMs = atMs;
  const leaving = new Set(removed.flatMap(node => removeEntry(index, node) ?? []));
  for (const node of added) recordFolderOrLink(index, node);
  const unmatched = matchMoved(
    index,
    [...added].filter(isFile),
    new Set([...index.pendingRemoval, ...leaving]),
  );
  const byOldPath = new Map([...leaving].filter(isAbsent(index)).map(file => [file.node.path, file]));
  for (const node of unmatched) addOrReplace(index, node, byOldPath.get(node.path));
  const addedPaths = new Set([...added].map(node => node.path));
  const overwritten = [...byOldPath.values()].filter(file => addedPaths.has(file.node.path));
  for (const file of [...index.pendingRemoval, ...overwritten].filter(isAbsent(index))) drop(index, file);
  index.pendingRemoval = new Set(
    [...leaving].filter(isAbsent(index)).filter(file => !overwritten.includes(file)),
  );
  for (const node of changed) {
    const file = isFile(node) ? index.files.get(node) : undefined;
    if (file !== undefined) markDirty(index, file);
    recordFolderOrLink(index, node);
  }
  for (const node of [...removed, ...added, ...changed]) if (isFile(node)) markMain(index, node);
}

/** A database has changed when a companion of it has. */
function markMain(index: FileIndex, node: FileNode): void {
  const main = mainNode(node);
  const file = main && index.files.get(main);
  if (file?.database !== undefined) markDirty(index, file);
}

/** Drops the files that the last scan did not find: for when nothing is written, and hence moved, any more. */
export function dropPendingRemoval(index: FileIndex): void {
  for (const file of index.pendingRemoval) drop(index, file);
  index.pendingRemoval = new Set();
}

function isFile(node: Node): node is FileNode {
  return node.kind === 'file';
}

function isAbsent(index: FileIndex): (file: IndexedFile) => boolean {
  return file => index.files.get(file.node) !== file;
}

/** @returns the file that the node was: it may have been moved */
function removeEntry(index: FileIndex, node: Node): IndexedFile | undefined {
  if (!isFile(node)) {
    index.folders.delete(node.path);
    index.links.delete(node.path);
    index.removedPaths.add(node.path);
    return undefined;
  }
  const file = index.files.get(node);
  index.files.delete(node);
  if (file === undefined) return undefined;
  index.dirty.delete(file);
  index.prefixChecks.delete(file);
  index.metadataChanged.delete(file);
  // If it was moved, bytes may have been appended since the last scan that found it.
  file.unsentSinceMs ??= index.previousScanAtMs;
  // Without it they are files like any other.
  for (const companion of file.database === undefined ? [] : companionNodes(node)) {
    const left = index.files.get(companion);
    if (left !== undefined) markDirty(index, left);
  }
  return file;
}

/** Folders and links have no identity besides their path. */
function recordFolderOrLink(index: FileIndex, node: Node): void {
  if (node.kind === 'folder') index.folders.set(node.path, node.stat?.mode ?? 0o755);
  if (node.kind === 'link') index.links.set(node.path, node.target);
}

/** Moves the files that were known under another path. @returns the added nodes that are other files */
function matchMoved(
  index: FileIndex,
  added: readonly FileNode[],
  absent: ReadonlySet<IndexedFile>,
): FileNode[] {
  if (added.length === 0) return [];
  const byInode = new Map<bigint, IndexedFile>();
  for (const file of [...index.files.values(), ...absent]) byInode.set(file.node.stat.ino, file);
  return added.filter(node => {
    const file = byInode.get(node.stat.ino);
    if (file === undefined || !isSameFile(file.node.stat, node.stat)) return true;
    // Both paths exist: a hard link, unless it was moved after the scan had passed its old path.
    if (!absent.has(file) && isStillThere(file.node)) return true;
    byInode.delete(node.stat.ino);
    move(index, file, node);
    return false;
  });
}

function isStillThere(node: FileNode): boolean {
  const now = statNow(node.fsPath);
  return now !== undefined && isSameFile(now, node.stat);
}

function move(index: FileIndex, file: IndexedFile, node: FileNode): void {
  if (index.files.get(file.node) === file) index.files.delete(file.node);
  const { current, maybeRewritten } = file;
  // Nothing of it has been sent yet: what counts is of the file whose place it took, under a name that it gives up.
  if (maybeRewritten && current !== undefined && !isSameFile(current.startedFrom, node.stat)) {
    drop(index, file);
    Object.assign(file, newEntry(node), { unsentSinceMs: file.unsentSinceMs });
  }
  file.node = node;
  index.files.set(node, file);
  index.metadataChanged.add(file);
  markDirty(index, file);
}

/** A new file; where another file of that path was removed, its content is the current one until this one's is sent. */
function addOrReplace(index: FileIndex, node: FileNode, before: IndexedFile | undefined): void {
  const isReplacement = before?.current !== undefined;
  const file = isReplacement ? before : newEntry(node);
  file.node = node;
  file.maybeRewritten = isReplacement;
  index.files.set(node, file);
  markDirty(index, file);
}
