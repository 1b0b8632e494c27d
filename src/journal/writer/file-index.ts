import type { BytePath } from '../format/byte-path.ts';
import { type FileStat, isSameFile, statNow } from './file-stat.ts';
import type { Generation } from './generation.ts';
import type { FileNode, Node } from './node.ts';
import type { ScanResult } from './scanner.ts';

/** A file of the working directory, and what the journal has of it. */
export interface Tracked {
  node: FileNode;
  /** The content that counts. */
  current: Generation | undefined;
  /** A new content that takes its place once it is whole. */
  coming: Generation | undefined;
  /** The file may no longer begin with the current content. */
  isSuspect: boolean;
  /** Appended to it, as to logs, less what it has cost since to begin it anew: see `begin` in take.ts. */
  creditBytes: number;
  /** When its content last began anew (performance.now). */
  begunAtMs: number;
  /** Not looked at before (performance.now): it has been rewritten too short a time ago. */
  dueMs: number;
  /** The last segment that took something of it. */
  servedIn: number;
  /** What is not in segments yet was written after this moment; undefined: all is. */
  behindSinceMs: number | undefined;
  /** As it was when it was last read. */
  lastReadStat: FileStat | undefined;
  /** What the journal knows of it besides its content. */
  placed: { readonly path: BytePath; readonly mode: number; readonly mtimeMs: number } | undefined;
}

/** What the journal has of the working directory, and what it still has to take down. */
export interface Ledger {
  readonly files: Map<FileNode, Tracked>;
  /** Files that may have bytes for the journal. */
  readonly dirty: Set<Tracked>;
  /** Files that have grown since all that they were before was last compared. */
  readonly unaudited: Set<Tracked>;
  /** Files that have gone: one that was moved while it was looked for turns up in the next scan. */
  departed: Set<Tracked>;
  readonly removedGenerations: Set<number>;
  readonly removedPaths: Set<BytePath>;
  /** Files with a new name, mode or time and no new bytes. */
  readonly moved: Set<Tracked>;
  readonly folders: Map<BytePath, number>;
  readonly links: Map<BytePath, BytePath>;
  /** Which generation goes by the plain name in its entries. */
  readonly plainNames: Map<BytePath, number>;
  generations: number;
  /** When the last scan began, and the one before. */
  scannedAtMs: number;
  previousScanMs: number;
  bytes: number;
  space: number;
}

export function createLedger(): Ledger {
  return {
    files: new Map(),
    dirty: new Set(),
    unaudited: new Set(),
    departed: new Set(),
    removedGenerations: new Set(),
    removedPaths: new Set(),
    moved: new Set(),
    folders: new Map(),
    links: new Map(),
    plainNames: new Map(),
    generations: 0,
    scannedAtMs: Date.now(),
    previousScanMs: Date.now(),
    bytes: 0,
    space: 0,
  };
}

/** Enters what a scan has found. */
export function enter(ledger: Ledger, result: ScanResult): void {
  ledger.previousScanMs = ledger.scannedAtMs;
  ledger.scannedAtMs = result.atMs;
  const leaving = new Set(result.removed.flatMap(node => leave(ledger, node) ?? []));
  for (const node of result.added) note(ledger, node);
  const strangers = followMoved(
    ledger,
    [...result.added].filter(isFile),
    new Set([...ledger.departed, ...leaving]),
  );
  const byOldPath = new Map([...leaving].filter(isAway(ledger)).map(tracked => [tracked.node.path, tracked]));
  for (const node of strangers) settle(ledger, node, byOldPath.get(node.path));
  const taken = new Set([...result.added].map(node => node.path));
  const overwritten = [...byOldPath.values()].filter(tracked => taken.has(tracked.node.path));
  for (const tracked of [...ledger.departed, ...overwritten].filter(isAway(ledger))) forget(ledger, tracked);
  ledger.departed = new Set(
    [...leaving].filter(isAway(ledger)).filter(tracked => !overwritten.includes(tracked)),
  );
  for (const node of result.changed) {
    const tracked = isFile(node) ? ledger.files.get(node) : undefined;
    if (tracked !== undefined) markDirty(ledger, tracked);
    note(ledger, node);
  }
}

/** Gives up on files that have gone: nothing is moving any more. */
export function forgetDeparted(ledger: Ledger): void {
  for (const tracked of ledger.departed) forget(ledger, tracked);
  ledger.departed = new Set();
}

/** Whether pieces of this generation go by the plain name: only those of the first that has the path. */
export function isPlainlyNamed(ledger: Ledger, path: BytePath, generation: number): boolean {
  const owner = ledger.plainNames.get(path);
  if (owner !== undefined) return owner === generation;
  if (ledger.plainNames.size >= MAX_PLAIN_NAMES) return false;
  ledger.plainNames.set(path, generation);
  return true;
}

/** Names are remembered after their files have gone: 20 MB at the most. */
const MAX_PLAIN_NAMES = 200_000;

function isFile(node: Node): node is FileNode {
  return node.kind === 'file';
}

function isAway(ledger: Ledger): (tracked: Tracked) => boolean {
  return tracked => ledger.files.get(tracked.node) !== tracked;
}

/** Takes what has gone out of the books. @returns the file it was, which may turn up elsewhere */
function leave(ledger: Ledger, node: Node): Tracked | undefined {
  if (!isFile(node)) {
    ledger.folders.delete(node.path);
    ledger.links.delete(node.path);
    ledger.removedPaths.add(node.path);
    return undefined;
  }
  const tracked = ledger.files.get(node);
  ledger.files.delete(node);
  if (tracked === undefined) return undefined;
  ledger.dirty.delete(tracked);
  ledger.unaudited.delete(tracked);
  ledger.moved.delete(tracked);
  // Should it have been moved, something may have been appended since it was last found.
  tracked.behindSinceMs ??= ledger.previousScanMs;
  return tracked;
}

/** Folders and links are known by their paths alone. */
function note(ledger: Ledger, node: Node): void {
  if (node.kind === 'folder') ledger.folders.set(node.path, node.stat?.mode ?? 0o755);
  if (node.kind === 'link') ledger.links.set(node.path, node.target);
}

/** Finds which of the files that added were elsewhere before. @returns the others */
function followMoved(ledger: Ledger, added: readonly FileNode[], absent: ReadonlySet<Tracked>): FileNode[] {
  if (added.length === 0) return [];
  const byInode = new Map<bigint, Tracked>();
  for (const tracked of [...ledger.files.values(), ...absent]) byInode.set(tracked.node.stat.ino, tracked);
  return added.filter(node => {
    const tracked = byInode.get(node.stat.ino);
    if (tracked === undefined || !isSameFile(tracked.node.stat, node.stat)) return true;
    // By both names: a hard link, unless it was moved since its old name was looked at.
    if (!absent.has(tracked) && isStillThere(tracked.node)) return true;
    byInode.delete(node.stat.ino);
    rename(ledger, tracked, node);
    return false;
  });
}

function isStillThere(node: FileNode): boolean {
  const now = statNow(node.fsPath);
  return now !== undefined && isSameFile(now, node.stat);
}

function rename(ledger: Ledger, tracked: Tracked, node: FileNode): void {
  if (ledger.files.get(tracked.node) === tracked) ledger.files.delete(tracked.node);
  tracked.node = node;
  ledger.files.set(node, tracked);
  ledger.moved.add(tracked);
  markDirty(ledger, tracked);
}

/** A file that is new, or another one by the name of one that has gone: then its content begins anew. */
function settle(ledger: Ledger, node: FileNode, before: Tracked | undefined): void {
  const isReplacement = before?.current !== undefined;
  const tracked = isReplacement ? before : newcomer(node);
  tracked.node = node;
  tracked.isSuspect = isReplacement;
  ledger.files.set(node, tracked);
  markDirty(ledger, tracked);
}

function newcomer(node: FileNode): Tracked {
  return {
    node,
    current: undefined,
    coming: undefined,
    isSuspect: false,
    creditBytes: 0,
    begunAtMs: 0,
    dueMs: 0,
    servedIn: 0,
    behindSinceMs: undefined,
    lastReadStat: undefined,
    placed: undefined,
  };
}

function markDirty(ledger: Ledger, tracked: Tracked): void {
  tracked.behindSinceMs ??= ledger.previousScanMs;
  ledger.dirty.add(tracked);
}

function forget(ledger: Ledger, tracked: Tracked): void {
  for (const generation of [tracked.current, tracked.coming]) {
    if (generation !== undefined) drop(ledger, generation);
  }
}

/** A generation that ends with no other in its place. */
export function drop(ledger: Ledger, generation: Generation): void {
  ledger.removedGenerations.add(generation.number);
  ledger.bytes -= generation.end;
}
