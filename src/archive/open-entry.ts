import { readlink } from 'node:fs/promises';
import { describeFsError } from '../files/errno.ts';
import type { FileCalls } from '../files/open.ts';
import type { TarHeader } from '../files/tar.ts';
import { type Found, unfitKind } from './walk.ts';

/** What was found, opened. */
export type Opened = Entry | { readonly path: Buffer; readonly unfit: string };

export interface Entry {
  readonly header: TarHeader;
  /** The first bytes of the content: all of a small file. */
  readonly head: Buffer;
  /** More was there than the header says. */
  readonly grew: boolean;
  /** Where the rest of a larger file is read from; whoever holds it closes it. */
  readonly fd: number | undefined;
}

/** Never rejects for a fault of the file system: what cannot be read is unfit. */
export async function openFound(found: Found, files: FileCalls): Promise<Opened> {
  try {
    switch (found.kind) {
      case 'file':
        return await openFile(found.absolute, found.path, files);
      case 'directory':
        return await openDirectory(found.absolute, found.path, files);
      case 'link':
        return await openLink(found.absolute, found.path, files);
      case 'unfit':
        return { path: found.path, unfit: found.why };
      default:
        return found satisfies never;
    }
  } catch (error) {
    return { path: found.path, unfit: describeFsError(error) };
  }
}

async function openFile(absolute: Buffer, path: Buffer, files: FileCalls): Promise<Opened> {
  const fd = await files.open(absolute);
  let isWhole = true;
  try {
    const stat = await files.fstat(fd);
    if (!stat.isFile()) return { path, unfit: unfitKind(stat) };
    const { size, mode, mtimeMs } = stat;
    // One byte more than is wanted shows a file that has grown.
    const buffer = Buffer.allocUnsafe(Math.min(size + 1, HEAD_BYTES));
    const bytesRead = await files.read(fd, buffer);
    const head = buffer.subarray(0, Math.min(bytesRead, size));
    isWhole = head.length === size;
    const header = { type: 'file', path, size, mode, mtimeMs } as const;
    return { header, head, grew: bytesRead > size, fd: isWhole ? undefined : fd };
  } finally {
    if (isWhole) await files.close(fd);
  }
}

/** Files below this size are read whole while they are opened. */
const HEAD_BYTES = 65_536;

async function openDirectory(absolute: Buffer, path: Buffer, files: FileCalls): Promise<Opened> {
  const stat = await files.lstat(absolute);
  if (!stat.isDirectory()) return { path, unfit: REPLACED };
  const header = { type: 'directory', path, size: 0, mode: stat.mode, mtimeMs: stat.mtimeMs } as const;
  return { header, ...NO_CONTENT };
}

async function openLink(absolute: Buffer, path: Buffer, files: FileCalls): Promise<Opened> {
  const stat = await files.lstat(absolute);
  if (!stat.isSymbolicLink()) return { path, unfit: REPLACED };
  const target = await readlink(absolute, { encoding: 'buffer' });
  const header = { type: 'link', path, target, size: 0, mode: stat.mode, mtimeMs: stat.mtimeMs } as const;
  return { header, ...NO_CONTENT };
}

const REPLACED = 'replaced by something else';
const NO_CONTENT = { head: Buffer.alloc(0), grew: false, fd: undefined };
