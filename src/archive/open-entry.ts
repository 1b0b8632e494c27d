import { readlink } from 'node:fs/promises';
import { describeFsError } from '../files/errno.ts';
import { findHoles, type Span } from '../files/holes.ts';
import type { FileCalls } from '../files/open.ts';
import type { TarHeader } from '../files/tar.ts';
import { type Entry, skipReason } from './walk.ts';

/** An entry that has been opened, or why it is skipped. */
export type OpenResult = OpenedEntry | { readonly path: Buffer; readonly skipped: string };

export interface OpenedEntry {
  readonly header: TarHeader;
  /** The first bytes of the content: all of a small file. */
  readonly head: Buffer;
  /** There was more than the header says. */
  readonly grew: boolean;
  /** Of a larger file, whose rest is read from it; whoever holds it closes it. */
  readonly fd: number | undefined;
  /** Of a sparse file: they are not in the archive. */
  readonly holes: readonly Span[];
}

/** Never rejects for a fault of the file system: what cannot be read is skipped. */
export async function openEntry(entry: Entry, files: FileCalls): Promise<OpenResult> {
  try {
    switch (entry.kind) {
      case 'file':
        return await openFile(entry.absolute, entry.path, files);
      case 'directory':
        return await openDirectory(entry.absolute, entry.path, files);
      case 'link':
        return await openLink(entry.absolute, entry.path, files);
      case 'skipped':
        return { path: entry.path, skipped: entry.why };
      default:
        return entry satisfies never;
    }
  } catch (error) {
    return { path: entry.path, skipped: describeFsError(error) };
  }
}

async function openFile(absolute: Buffer, path: Buffer, files: FileCalls): Promise<OpenResult> {
  const fd = await files.open(absolute);
  let isComplete = true;
  try {
    const stat = await files.fstat(fd);
    if (!stat.isFile()) return { path, skipped: skipReason(stat) };
    const { size, mode, mtimeMs } = stat;
    const holes = await findHoles(fd, stat);
    if (typeof holes === 'string') return { path, skipped: holes };
    // One byte more than the size shows whether the file has grown.
    const buffer = Buffer.allocUnsafe(holes.length > 0 ? 0 : Math.min(size + 1, HEAD_BYTES));
    const bytesRead = await files.read(fd, buffer);
    const head = buffer.subarray(0, Math.min(bytesRead, size));
    isComplete = head.length === size;
    const header = { type: 'file', path, size, mode, mtimeMs } as const;
    return { header, head, grew: bytesRead > size, fd: isComplete ? undefined : fd, holes };
  } finally {
    if (isComplete) await files.close(fd);
  }
}

/** Files below this size are read completely when they are opened. */
const HEAD_BYTES = 65_536;

async function openDirectory(absolute: Buffer, path: Buffer, files: FileCalls): Promise<OpenResult> {
  const stat = await files.lstat(absolute);
  if (!stat.isDirectory()) return { path, skipped: REPLACED };
  const header = { type: 'directory', path, size: 0, mode: stat.mode, mtimeMs: stat.mtimeMs } as const;
  return { header, ...NO_CONTENT };
}

async function openLink(absolute: Buffer, path: Buffer, files: FileCalls): Promise<OpenResult> {
  const stat = await files.lstat(absolute);
  if (!stat.isSymbolicLink()) return { path, skipped: REPLACED };
  const target = await readlink(absolute, { encoding: 'buffer' });
  const header = { type: 'link', path, target, size: 0, mode: stat.mode, mtimeMs: stat.mtimeMs } as const;
  return { header, ...NO_CONTENT };
}

const REPLACED = 'replaced by something else';
const NO_CONTENT = { head: Buffer.alloc(0), grew: false, fd: undefined, holes: [] };
