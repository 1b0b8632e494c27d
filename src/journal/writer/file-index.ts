import type { BytePath } from '../format/byte-path.ts';
import type { KnownBlocks } from './blocks.ts';
import { type Database, endCopy, generationsOf } from './database.ts';
import type { FileStat } from './file-stat.ts';
import { type Generation, storedBytes } from './generation.ts';
import type { FileNode } from './node.ts';

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
  /** How often in a row it was in the middle of being written, as its format tells. */
  tornLooks: number;
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

/** A file of which the journal has nothing. */
export function newEntry(node: FileNode): IndexedFile {
  return {
    node,
    current: undefined,
    pending: undefined,
    maybeRewritten: false,
    appendCreditBytes: 0,
    startedAtMs: 0,
    notBeforeMs: 0,
    tornLooks: 0,
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
