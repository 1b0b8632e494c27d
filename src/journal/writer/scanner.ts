import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { isMissing } from '../../files/errno.ts';
import { type Chooser, chooser, type Selection } from '../../files/selection.ts';
import { errorText } from '../../runtime/text.ts';
import { createPace } from '../../runtime/yield.ts';
import { type BytePath, below, fromText, toFsPath, toText } from '../format/byte-path.ts';
import { isSameFile, toFileStat } from './file-stat.ts';
import { type FileNode, type FolderNode, folderNode, isFresh, type LinkNode, type Node } from './node.ts';

/** What a scan has found since the one before. */
export interface Findings {
  /** When the scan began: what was written before is found. */
  readonly atMs: number;
  readonly appeared: Set<Node>;
  /** What had been found before; never anything that appeared or changed in the same scan. */
  readonly gone: Node[];
  readonly changed: Set<FileNode | FolderNode>;
  readonly unreadable: { readonly path: string; readonly why: string }[];
}

/** The working directory as it was when it was last looked at. */
export interface Tree {
  /** @throws when the working directory itself cannot be looked at; nothing counts as gone then. */
  scan(): Promise<Findings>;
}

export function createTree(selection: Selection): Tree {
  const rootAt = fromText(selection.root);
  const choose = chooser(selection);
  const root = folderNode('', toFsPath(rootAt), undefined, selection.include.length === 0, true);
  let scans = 0;
  return {
    async scan() {
      const findings: Findings = {
        atMs: Date.now(),
        appeared: new Set(),
        gone: [],
        changed: new Set(),
        unreadable: [],
      };
      scans += 1;
      await visit({ root, rootAt, choose, findings, scans });
      return findings;
    },
  };
}

/** A full listing of every folder this often, should a file system not tell by a folder's time what has changed. */
const SCANS_PER_LISTING = 32;

interface Visit {
  readonly root: FolderNode;
  readonly rootAt: BytePath;
  readonly choose: Chooser;
  readonly findings: Findings;
  readonly scans: number;
}

async function visit(scan: Visit): Promise<void> {
  const pace = createPace();
  if (!lookAtFolder(scan, scan.root, isTurn(scan, 0)))
    throw new Error(`${toText(scan.rootAt)} cannot be looked at`);
  const folders: FolderNode[] = [scan.root];
  // The list grows while it is walked.
  for (const folder of folders) {
    for (const [name, child] of folder.children) {
      await pace();
      const isThere =
        child.kind === 'folder'
          ? lookAtFolder(scan, child, isTurn(scan, folders.length))
          : lookAtEntry(scan, child);
      if (!isThere) lookAgain(scan, folder, name);
      else if (child.kind === 'folder') folders.push(child);
    }
  }
}

function isTurn({ scans }: Visit, folder: number): boolean {
  return (scans + folder) % SCANS_PER_LISTING === 0;
}

/** Lists the folder again where that is needed. @returns whether it is still a folder, as far as can be told */
function lookAtFolder(scan: Visit, folder: FolderNode, mustList: boolean): boolean {
  const stats = statEntry(scan, folder.path, folder.at);
  if (stats === 'unreadable') return folder !== scan.root;
  if (stats === 'gone' || !stats.isDirectory()) return false;
  const { stat: before, fresh } = folder;
  const stat = toFileStat(stats);
  folder.stat = stat;
  folder.fresh = isFresh(stats);
  const hasNewMode = before !== undefined && before.mode !== stat.mode;
  if (hasNewMode && folder.announced && folder !== scan.root) scan.findings.changed.add(folder);
  const isSame = before !== undefined && isSameFile(before, stat) && before.mtimeNs === stat.mtimeNs;
  if (!isSame || fresh || mustList) list(scan, folder);
  return true;
}

function list(scan: Visit, folder: FolderNode): void {
  const names = attempt(scan, folder.path, () => readdirSync(folder.at, { encoding: 'latin1' }));
  if (names === undefined) {
    folder.fresh = true;
    return;
  }
  const left = new Set(folder.children.keys());
  for (const name of names) if (!left.delete(name)) appear(scan, folder, name);
  for (const name of left) disappear(scan, folder, name);
}

function appear(scan: Visit, folder: FolderNode, name: BytePath): void {
  const path = below(folder.path, name);
  const text = toText(path);
  if (scan.choose.excludes(text)) return;
  const at = toFsPath(below(scan.rootAt, path));
  const stats = statEntry(scan, path, at);
  // Listed again next time, whatever the folder's time says.
  if (stats === 'unreadable') folder.fresh = true;
  const isWhole = folder.whole || scan.choose.includes(text);
  const node = typeof stats === 'object' ? toNode(scan, folder, path, at, stats, isWhole) : undefined;
  if (node === undefined) return;
  folder.children.set(name, node);
  if (!isWhole) return;
  announce(scan, folder);
  scan.findings.appeared.add(node);
}

/** undefined: what is no file, folder or link is not followed, and neither are files that are not included. */
function toNode(
  scan: Visit,
  parent: FolderNode,
  path: BytePath,
  at: string | Buffer,
  stats: BigIntStats,
  isWhole: boolean,
): Node | undefined {
  if (stats.isDirectory()) return folderNode(path, at, parent, isWhole, isWhole);
  if (!isWhole) return undefined;
  if (stats.isFile()) return { kind: 'file', path, at, stat: toFileStat(stats), fresh: isFresh(stats) };
  if (!stats.isSymbolicLink()) return undefined;
  const target = attempt(scan, path, () => readlinkSync(at, { encoding: 'latin1' }));
  return target === undefined ? undefined : { kind: 'link', path, at, stat: toFileStat(stats), target };
}

/** The folders down to this one, those that were not found yet. */
function announce(scan: Visit, folder: FolderNode): void {
  if (folder.announced) return;
  folder.announced = true;
  if (folder.parent !== undefined) announce(scan, folder.parent);
  scan.findings.appeared.add(folder);
}

/** @returns whether it is still the same file or link, as far as can be told */
function lookAtEntry(scan: Visit, entry: FileNode | LinkNode): boolean {
  const stats = statEntry(scan, entry.path, entry.at);
  if (stats === 'unreadable') return true;
  if (stats === 'gone' || !isSameFile(entry.stat, stats) || stats.isFile() !== (entry.kind === 'file'))
    return false;
  if (entry.kind === 'link') return true;
  const isSame = stats.mtimeNs === entry.stat.mtimeNs && stats.ctimeNs === entry.stat.ctimeNs;
  if (isSame && Number(stats.size) === entry.stat.size && !entry.fresh) return true;
  entry.stat = toFileStat(stats);
  entry.fresh = isFresh(stats);
  scan.findings.changed.add(entry);
  return true;
}

/** What had this name has gone; something else may have it now. */
function lookAgain(scan: Visit, folder: FolderNode, name: BytePath): void {
  disappear(scan, folder, name);
  appear(scan, folder, name);
}

function disappear(scan: Visit, folder: FolderNode, name: BytePath): void {
  const node = folder.children.get(name);
  folder.children.delete(name);
  if (node === undefined) return;
  if (node.kind === 'folder') for (const inner of [...node.children.keys()]) disappear(scan, node, inner);
  const { appeared, gone, changed } = scan.findings;
  if (node.kind !== 'link') changed.delete(node);
  // It may have come and gone while the scan went on: then it was never there.
  const wasKnown = !appeared.delete(node);
  if (wasKnown && (node.kind !== 'folder' || node.announced)) gone.push(node);
}

function statEntry(scan: Visit, path: BytePath, at: string | Buffer): BigIntStats | 'gone' | 'unreadable' {
  const stats = attempt(scan, path, () => lstatSync(at, { bigint: true, throwIfNoEntry: false }) ?? 'gone');
  return stats ?? 'unreadable';
}

/** What cannot be looked at counts as unchanged, and is told unless it has only just vanished. */
function attempt<T>(scan: Visit, path: BytePath, operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (!isMissing(error)) scan.findings.unreadable.push({ path: toText(path), why: errorText(error) });
    return undefined;
  }
}
