import fs, { constants, type Stats } from 'node:fs';
import { copyFile, type FileHandle, link, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { errorCode, hasCode, unlessMissing } from './errno.ts';
import { openRegularFile } from './open.ts';

/*
 * A file is written as `<file>.part` and then put in its place, so that readers never find half of it. The part is
 * always a new file (O_EXCL): a link or a file that another process made under its name is removed, never written
 * through. A link at the place itself is replaced, not followed.
 */

/** The file is there, and was not to be replaced. */
export class FileExistsError extends Error {
  override readonly name = 'FileExistsError';

  constructor(file: string, options?: ErrorOptions) {
    super(`${file} exists already`, options);
  }
}

export interface AtomicWriteOptions {
  /** Whether a file that is already there is replaced. */
  readonly replace: boolean;
  /** Permission bits of the file, to which the umask applies; 0o644 unless given. */
  readonly mode?: number;
  /**
   * A folder above the file: the names up to it are synced as well, whoever has made them, who may have been killed
   * before they were. Default: only those of folders that had to be made.
   */
  readonly durableBelow?: string;
  /** Called after each chunk with the number of bytes written so far. */
  readonly onWritten?: (bytes: number, chunk: Buffer) => void;
}

/**
 * Writes a file whole or not at all, and durably: the file and the folders that had to be made are synced.
 * @returns the file's size in bytes
 * @throws {FileExistsError} when the file is there and is not to be replaced
 */
export async function writeAtomically(
  file: string,
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  { replace, mode = 0o644, durableBelow, onWritten }: AtomicWriteOptions,
): Promise<number> {
  const folder = path.dirname(file);
  const firstMade = await mkdir(folder, { recursive: true });
  const part = `${file}.part`;
  const handle = await openPart(part, mode);
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      await handle.writeFile(chunk);
      bytes += chunk.length;
      onWritten?.(bytes, chunk);
    }
    await handle.sync();
    if (!(await isStill(part, handle))) throw takenOver(part);
    await (replace ? rename(part, file) : placeNew(part, file));
    // Another writer may have begun its own part just before that, which has been placed half written; it goes on to
    // write what is there now.
    if (!replace && !(await isStill(file, handle))) throw new FileExistsError(file);
  } catch (error) {
    if (await isStill(part, handle)) await rm(part, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await syncFolders(folder, firstMade, durableBelow);
  return bytes;
}

export interface FileAttributes {
  /** Permission bits; 0o644 unless given. */
  readonly mode?: number;
  readonly times?: Pick<Stats, 'atime' | 'mtime'>;
}

/**
 * Replaces a file, or makes it, in a folder that is there. Not synced: the file is whole after the death of this
 * process, but maybe not after that of the machine. Synchronous, since small files come in numbers and a turn in
 * libuv's thread pool for each step doubles the time.
 */
export function writeAtomicallySync(
  file: string,
  content: Buffer,
  { mode = 0o644, times }: FileAttributes = {},
): void {
  const part = `${file}.part`;
  const fd = openPartSync(part, mode);
  try {
    fs.writeFileSync(fd, content);
    if (times !== undefined) fs.futimesSync(fd, times.atime, times.mtime);
    fs.renameSync(part, file);
  } catch (error) {
    fs.rmSync(part, { force: true });
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** As `writeAtomicallySync`, with the content of another file; for large ones, which the kernel copies or shares. */
export async function copyAtomically(
  from: string,
  file: string,
  { mode = 0o644, times }: FileAttributes = {},
): Promise<void> {
  const part = `${file}.part`;
  await rm(part, { force: true });
  await copyFile(from, part, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  await using handle = await openRegularFile(part);
  try {
    await handle.chmod(mode);
    if (times !== undefined) await handle.utimes(times.atime, times.mtime);
    if (!(await isStill(part, handle))) throw takenOver(part);
    await rename(part, file);
  } catch (error) {
    if (await isStill(part, handle)) await rm(part, { force: true });
    throw error;
  }
}

/**
 * Gives a file or folder another name, beside its own.
 * @throws {FileExistsError} when something has that name
 */
export async function moveBeside(path: string, to: string): Promise<void> {
  if ((await unlessMissing(lstat(to))) !== undefined) throw new FileExistsError(to);
  await rename(path, to);
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

const PART_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** A part that is there is what a crash left behind: a file has one writer, or several that try again. */
async function openPart(part: string, mode: number): Promise<FileHandle> {
  await rm(part, { force: true });
  try {
    return await open(part, PART_FLAGS, mode);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) throw takenOver(part, { cause: error });
    throw error;
  }
}

/** As `openPart`; looks for a part that is there only where opening fails, since a failed removal costs an exception. */
function openPartSync(part: string, mode: number): number {
  try {
    return fs.openSync(part, PART_FLAGS, mode);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    fs.rmSync(part);
    return fs.openSync(part, PART_FLAGS, mode);
  }
}

/** Whether the name still means the file that was opened. */
async function isStill(name: string, handle: FileHandle): Promise<boolean> {
  const [opened, named] = await Promise.all([handle.stat(), unlessMissing(lstat(name))]);
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev;
}

function takenOver(part: string, options?: ErrorOptions): Error {
  return new Error(`${part} was taken over by another writer`, options);
}

/**
 * A new name is durable only when the folder that holds it is, and so on up to the first folder that was there.
 * @param above see `AtomicWriteOptions.durableBelow`
 */
async function syncFolders(folder: string, firstMade: string | undefined, above?: string): Promise<void> {
  const made = firstMade === undefined ? folder : path.dirname(firstMade);
  const last = above !== undefined && above.length < made.length ? above : made;
  for (let each = folder; ; each = path.dirname(each)) {
    try {
      await syncFolder(each);
    } catch (error) {
      // The folder above those that are ours may be one that nobody else may list.
      if (each !== above || !hasCode(error, 'EACCES')) throw error;
    }
    if (each === last || each === path.dirname(each)) return;
  }
}

/** Makes the names in a folder durable, and the absence of those that were removed. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot sync a folder; its names are then theirs to keep.
    if (!hasCode(error, 'EINVAL', 'ENOTSUP', 'EBADF', 'EROFS')) throw error;
  } finally {
    await handle.close();
  }
}
