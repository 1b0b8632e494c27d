import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from './errno.ts';

/** The file is there, and was not to be replaced. */
export class FileExistsError extends Error {
  override readonly name = 'FileExistsError';

  constructor(file: string, options?: ErrorOptions) {
    super(`${file} exists already`, options);
  }
}

export interface PublishOptions {
  /** Whether a file that is already there gives way. */
  readonly replace: boolean;
  /** Its permissions, from which the umask is taken; 0o644 unless they are given. */
  readonly mode?: number;
  /** Told after each chunk how many bytes have been written. */
  readonly onWritten?: (bytes: number, chunk: Buffer) => void;
}

/**
 * Writes a file whole or not at all: as `<file>.part`, synced, then put in its place.
 * @returns how many bytes it has
 * @throws {FileExistsError} when the file is there and is not to be replaced
 */
export async function publish(
  file: string,
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  options: PublishOptions,
): Promise<number> {
  const folder = path.dirname(file);
  const firstMade = await mkdir(folder, { recursive: true });
  const part = `${file}.part`;
  const handle = await openPart(part, options.mode ?? 0o644);
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      await handle.writeFile(chunk);
      bytes += chunk.length;
      options.onWritten?.(bytes, chunk);
    }
    await handle.sync();
    if (!(await isStill(part, handle))) throw new Error(`${part} was taken over by another writer`);
    await (options.replace ? rename(part, file) : placeNew(part, file));
  } catch (error) {
    if (await isStill(part, handle)) await rm(part, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await syncFolders(folder, firstMade);
  return bytes;
}

/** Puts the part where no file is: a hard link is refused where there is one, a rename would overwrite it. */
async function placeNew(part: string, file: string): Promise<void> {
  try {
    await link(part, file);
    await rm(part);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST') throw new FileExistsError(file, { cause: error });
    if (!NO_HARD_LINKS.has(code)) throw error;
    await claimAndRename(part, file);
  }
}

/** How file systems without hard links (FAT, some network and FUSE ones) refuse to make one. */
const NO_HARD_LINKS = new Set<string | undefined>(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Claims the name with an empty file of our own, then renames over that. */
export async function claimAndRename(part: string, file: string): Promise<void> {
  try {
    await (await open(file, 'wx')).close();
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw new FileExistsError(file, { cause: error });
    throw error;
  }
  try {
    await rename(part, file);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

/** Opens a new file; one that is there is what a crash left behind, for a key has one writer. */
async function openPart(part: string, mode: number): Promise<FileHandle> {
  await rm(part, { force: true });
  return open(part, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
}

/** Whether the name still means the file that was opened. */
async function isStill(name: string, handle: FileHandle): Promise<boolean> {
  const [ours, theirs] = await Promise.all([
    handle.stat(),
    stat(name).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }),
  ]);
  return theirs !== undefined && ours.ino === theirs.ino && ours.dev === theirs.dev;
}

/** A new name is safe only when the folder that holds it is, and so on up to the first folder that was there. */
async function syncFolders(folder: string, firstMade: string | undefined): Promise<void> {
  const last = firstMade === undefined ? folder : path.dirname(firstMade);
  for (let each = folder; ; each = path.dirname(each)) {
    await syncFolder(each);
    if (each === last || each === path.dirname(each)) return;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot sync a folder; its names are then theirs to keep.
    if (!['EINVAL', 'ENOTSUP', 'EBADF', 'EROFS'].includes(errorCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}
