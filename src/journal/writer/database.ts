import { closeSync } from 'node:fs';
import { COMPANIONS, DATABASE_MAGIC } from '../../files/database.ts';
import type { FileStat } from './file-stat.ts';
import type { Generation } from './generation.ts';
import type { FileNode } from './node.ts';
import { type OpenFile, openFile } from './open-file.ts';

/** The files of a SQLite database, by what their names add to its own. */
export const SUFFIXES = ['', ...COMPANIONS] as const;
export type Suffix = (typeof SUFFIXES)[number];

/** What the journal holds of a database, all files of one moment. It belongs to the database's own file. */
export interface Database {
  /** The content that counts; that of the file itself is its current generation. */
  members: Members;
  /** They were read so long after their last change that their times tell a later one. */
  isSettled: boolean;
  /** They are not of one moment, for want of a better copy. */
  isTorn: boolean;
  /** A newer content, of which segments hold a part. */
  copy: DatabaseCopy | undefined;
  /** It is not copied again before this (performance.now). */
  notBeforeMs: number;
}

export type Members = Map<Suffix, Member>;

export interface Member {
  readonly generation: Generation;
  /** The file as it was when it was last read. */
  stat: FileStat;
}

/** A content whose bytes are in scratch files until they are in segments. */
export interface DatabaseCopy {
  readonly members: Members;
  /** Files that are not in segments, or not all of them. */
  readonly unsent: UnsentFile[];
  /** What ends with it. */
  readonly replaces: readonly Generation[];
  readonly isTorn: boolean;
}

export interface UnsentFile {
  readonly suffix: Suffix;
  readonly generation: Generation;
  /** The copy. */
  readonly file: OpenFile;
}

export function isDatabase({ read }: Pick<OpenFile, 'read'>): boolean {
  return read(0, DATABASE_MAGIC.length).equals(DATABASE_MAGIC);
}

/** Whether there is one at the path, as far as it can be read. */
export function isDatabaseAt(path: string | Buffer): boolean {
  const open = openFile(path);
  if ('failed' in open) return false;
  try {
    return isDatabase(open);
  } finally {
    closeSync(open.fd);
  }
}

/** What segments hold something of, each with the file that it is a content of. */
export function generationsOf({ node, current, pending, database }: FileContents): Map<Generation, Part> {
  if (database === undefined) {
    const own = [current, pending].flatMap(generation => generation ?? []);
    return new Map(own.map(generation => [generation, { suffix: '', stat: node.stat }]));
  }
  const members = [...database.members, ...(database.copy?.members ?? [])];
  return new Map(members.map(([suffix, { generation, stat }]) => [generation, { suffix, stat }]));
}

interface FileContents {
  readonly node: FileNode;
  readonly current: Generation | undefined;
  readonly pending: Generation | undefined;
  readonly database: Database | undefined;
}

interface Part {
  readonly suffix: Suffix;
  readonly stat: FileStat;
}

/** Gives up what is left of its copy. */
export function endCopy(database: Database): void {
  for (const { file } of database.copy?.unsent ?? []) closeSync(file.fd);
  database.copy = undefined;
}

/** The file that this one is a companion of, by their names. */
export function mainNode(node: FileNode): FileNode | undefined {
  const suffix = COMPANIONS.find(end => node.path.endsWith(end));
  return suffix && sibling(node, nameOf(node).slice(0, -suffix.length));
}

/** The companions that it would have as a database. */
export function companionNodes(node: FileNode): FileNode[] {
  return COMPANIONS.flatMap(suffix => sibling(node, `${nameOf(node)}${suffix}`) ?? []);
}

function sibling({ parent }: FileNode, name: string): FileNode | undefined {
  const node = parent.children.get(name);
  return node?.kind === 'file' ? node : undefined;
}

function nameOf({ path, parent }: FileNode): string {
  return parent.path === '' ? path : path.slice(parent.path.length + 1);
}

/** Where a file of a database is. */
export function pathOf({ fsPath }: FileNode, suffix: Suffix): string | Buffer {
  return typeof fsPath === 'string' ? `${fsPath}${suffix}` : Buffer.concat([fsPath, Buffer.from(suffix)]);
}
