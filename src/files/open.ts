import fs, { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open as openHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasCode } from './errno.ts';

/*
 * Where a child process may write, a name may have become a symbolic link that leads out of the folder, or a named
 * pipe, whose open(2) would wait for a writer: neither is ever opened there.
 */
const NO_LINK_NO_WAIT = constants.O_NOFOLLOW | constants.O_NONBLOCK;
const READ_FLAGS = constants.O_RDONLY | NO_LINK_NO_WAIT;
const APPEND_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_LINK_NO_WAIT;

/** A path names a symbolic link, a named pipe, a socket, a folder, a device, or a file that has other names. */
export class NotRegularFileError extends Error {
  override readonly name = 'NotRegularFileError';

  constructor(path: string | Buffer, options?: ErrorOptions) {
    super(`${path} is not a regular file`, options);
  }
}

/**
 * Opens a file for reading; never waits for a writer and never follows a link.
 * @throws {NotRegularFileError} when something else has its name; the system's error when it cannot be opened.
 */
export async function openRegularFile(path: string | Buffer): Promise<FileHandle> {
  const file = await openHandle(path, READ_FLAGS).catch((error: unknown) => refuse(path, error));
  try {
    if (!(await file.stat()).isFile()) throw new NotRegularFileError(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

export interface OpenFileDescriptor {
  /** The caller closes it. */
  readonly fd: number;
  readonly stats: BigIntStats;
}

/** As `openRegularFile`, synchronously, with the stat that it took. */
export function openRegularFileSync(path: string | Buffer): OpenFileDescriptor {
  return openSync(path, READ_FLAGS);
}

/**
 * Opens a file to append to it, as a log. One with a second name is refused as well, since that may be anywhere.
 * @param mode its permissions when there is none yet
 * @throws as `openRegularFile` does.
 */
export function openForAppendSync(path: string, mode = 0o644): OpenFileDescriptor {
  const file = openSync(path, APPEND_FLAGS, mode);
  if (file.stats.nlink <= 1n) return file;
  fs.closeSync(file.fd);
  throw new NotRegularFileError(path);
}

/** The content of a small file. @throws as `openRegularFile` does. */
export async function readRegularFile(path: string): Promise<Buffer> {
  await using file = await openRegularFile(path);
  return await file.readFile();
}

function openSync(path: string | Buffer, flags: number, mode?: number): OpenFileDescriptor {
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, flags, mode);
    const stats = fs.fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw new NotRegularFileError(path);
    return { fd, stats };
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    return refuse(path, error);
  }
}

/** A link is ELOOP; a socket, or a pipe that is opened for writing and has no reader, is ENXIO. See open(2). */
function refuse(path: string | Buffer, error: unknown): never {
  throw hasCode(error, 'ELOOP', 'ENXIO') ? new NotRegularFileError(path, { cause: error }) : error;
}

/** The calls that reading many small files consists of, on descriptors and paths in bytes. Await their results. */
export interface FileCalls {
  /** For reading, with the flags of `openRegularFile`; the caller checks by `fstat` what it has opened. */
  open(path: Buffer): number | Promise<number>;
  fstat(fd: number): fs.Stats | Promise<fs.Stats>;
  /** Reads from the start of the file; returns the number of bytes. */
  read(fd: number, buffer: Buffer): number | Promise<number>;
  close(fd: number): void | Promise<void>;
  lstat(path: Buffer): fs.Stats | Promise<fs.Stats>;
}

/**
 * Calls that are synchronous for as long as each is fast: by libuv's thread pool a call takes several times as long as
 * the call itself when the file is cached, as it is when a session has just ended. After the first call slower than
 * `slowMs` all are asynchronous, so that a disk that hangs blocks the event loop once at most.
 */
export function createFileCalls(slowMs = 100): FileCalls {
  let isSlow = false;
  const whileFast = <A extends unknown[], R>(
    direct: (...args: A) => R,
    pooled: (...args: A) => Promise<R>,
  ) => {
    return (...args: A): R | Promise<R> => {
      if (isSlow) return pooled(...args);
      const startMs = performance.now();
      try {
        return direct(...args);
      } finally {
        isSlow = performance.now() - startMs > slowMs;
      }
    };
  };
  return {
    open: whileFast(
      path => fs.openSync(path, READ_FLAGS),
      path => open(path, READ_FLAGS),
    ),
    fstat: whileFast(
      fd => fs.fstatSync(fd),
      fd => fstat(fd),
    ),
    read: whileFast(
      (fd, buffer) => fs.readSync(fd, buffer, 0, buffer.length, 0),
      async (fd, buffer) => (await read(fd, buffer, 0, buffer.length, 0)).bytesRead,
    ),
    close: whileFast(fs.closeSync, close),
    lstat: whileFast(
      path => fs.lstatSync(path),
      path => lstat(path),
    ),
  };
}

// A FileHandle costs several times as much as a descriptor.
const open = promisify(fs.open);
const fstat = promisify(fs.fstat);
const read = promisify(fs.read);
const close = promisify(fs.close);
const lstat = promisify(fs.lstat);
