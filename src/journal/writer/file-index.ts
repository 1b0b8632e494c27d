import type { BytePath } from '../format/byte-path.ts';
import type { KnownBlocks } from './blocks.ts';
import { companionNodes, type Database, endCopy, generationsOf, mainNode } from './database.ts';
import { type FileStat, isSameFile, statNow } from './file-stat.ts';
import { type Generation, storedBytes } from './generation.ts';
import type { FileNode, Node } from './node.ts';
import type { ScanResult } from './scanner.ts';

/** A file of the working directory, and what the journal holds of it. */
export interface IndexedFile {
  node: FileNode;
  /** The content that counts. */
  current: Generation | undefined;
  /** A new content that replaces the current one as soon as all of it is in segments. */
  pending: Generation | undefined;
  /** The file may no longer begin with the current content. */
  maybeRewritten: boolean;
  /** Bytes appended to it, less those of each new content since: see `startGeneration` in changes.ts. */
  appendCreditBytes: number;
  /** When its last generation began (performance.now). */
  startedAtMs: number;
  /** Rewritten too recently: not read before this (performance.now). */
  notBeforeMs: number;
  /** The sequence of the last segment with bytes of it. */
  lastSegment: number;
  /** Bytes that are not in segments were written after this (Date.now); undefined: all are in segments. */
  unsentSinceMs: number | undefined;
  /** Why it could not be read when that was last tried; it is tried again. */
  unreadable: string | undefined;
  /** What the journal holds of its companions; undefined: it is not a database. */
  database: Database | undefined;
  /** As it was when it was last read. */
  lastReadStat: FileStat | undefined;
  /** What the journal holds of it besides its content. */
  sentMetadata: { readonly path: BytePath; readonly mode: number; readonly mtimeNs: bigint } | undefined;
}

/** What the journal holds of the working directory, and what is still to be put into segments. */
export interface FileIndex {
  readonly files: Map<FileNode, IndexedFile>;
  /** Files that may have bytes for the journal. */
  readonly dirty: Set<IndexedFile>;
  /** Files that have grown and whose earlier bytes have not all been compared since. */
  readonly prefixChecks: Set<IndexedFile>;
  /** Files that the last scan did not find: one that was moved during the scan is found by the next one. */
  pendingRemoval: Set<IndexedFile>;
  readonly removedGenerations: Set<number>;
  readonly removedPaths: Set<BytePath>;
  /** Files with a new name, mode or time, whose bytes the journal holds. */
  readonly metadataChanged: Set<IndexedFile>;
  /** Folders (with their mode) and links (with their target) that are not in segments yet. */
  readonly folders: Map<BytePath, number>;
  readonly links: Map<BytePath, BytePath>;
  /** Which generation has entries without a generation number: the first one of each path. */
  readonly plainNames: Map<BytePath, number>;
  /** Of contents that took the place of others. */
  readonly blocks: KnownBlocks;
  /** The database that was copied last: there is one copy at a time. */
  copied: Database | undefined;
  /** The number of the newest generation. */
  lastGeneration: number;
  /** When the last scan began, and the one before (Date.now). */
  scannedAtMs: number;
  previousScanAtMs: number;
  /** Content that a recovery would have on disk after the last segment, and the most that was after any. */
  contentBytes: number;
  peakBytes: number;
}

export function createFileIndex(): FileIndex {
  return {
    files: new Map(),
    dirty: new Set(),
    prefixChecks: new Set(),
    pendingRemoval: new Set(),
    removedGenerations: new Set(),
    removedPaths: new Set(),
    metadataChanged: new Set(),
    folders: new Map(),
    links: new Map(),
    plainNames: new Map(),
    blocks: new Map(),
    copied: undefined,
    lastGeneration: 0,
    scannedAtMs: Date.now(),
    previousScanAtMs: Date.now(),
    contentBytes: 0,
    peakBytes: 0,
  };
}

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

function newEntry(node: FileNode): IndexedFile {
  return {
    node,
    current: undefined,
    pending: undefined,
    maybeRewritten: false,
    appendCreditBytes: 0,
    startedAtMs: 0,
    notBeforeMs: 0,
    lastSegment: 0,
    unsentSinceMs: undefined,
    unreadable: undefined,
    database: undefined,
    lastReadStat: undefined,
    sentMetadata: undefined,
  };
}

/** It may have bytes for the journal. */
export function markDirty(index: FileIndex, file: IndexedFile): void {
  file.unsentSinceMs ??= index.previousScanAtMs;
  index.dirty.add(file);
}

/** Ends all that the journal has of a file. */
export function drop(index: FileIndex, file: IndexedFile): void {
  for (const generation of generationsOf(file).keys()) dropGeneration(index, generation);
  if (file.database !== undefined) endCopy(file.database);
}

/** Ends a generation without a successor. */
export function dropGeneration(index: FileIndex, generation: Generation): void {
  index.removedGenerations.add(generation.number);
  forgetGeneration(index, generation);
}

/** A generation has ended: a recovery has nothing of it any more. */
export function forgetGeneration(index: FileIndex, generation: Generation): void {
  index.contentBytes -= storedBytes(generation);
  index.blocks.delete(generation.number);
}
