import fs from 'node:fs';
import { promisify } from 'node:util';

/** The calls that small files are made of, on descriptors and paths of bytes. Their results are to be awaited. */
export interface Files {
  open(path: Buffer): number | Promise<number>;
  fstat(fd: number): fs.Stats | Promise<fs.Stats>;
  /** Reads from the file's start; gives the number of bytes. */
  read(fd: number, buffer: Buffer): number | Promise<number>;
  close(fd: number): void | Promise<void>;
  lstat(path: Buffer): fs.Stats | Promise<fs.Stats>;
}

/**
 * Synchronous while that is quick: handing a call to libuv's pool takes several times as long as the call itself when
 * the file is cached, as it is when a session has just ended. The first call that is slow makes all later ones
 * asynchronous, so that a disk that hangs holds up the event loop once at most.
 */
export function quickFiles(slowMs = 100): Files {
  let isSlow = false;
  const quick = <A extends unknown[], R>(now: (...args: A) => R, later: (...args: A) => Promise<R>) => {
    return (...args: A): R | Promise<R> => {
      if (isSlow) return later(...args);
      const startMs = performance.now();
      try {
        return now(...args);
      } finally {
        isSlow = performance.now() - startMs > slowMs;
      }
    };
  };
  return {
    open: quick(
      path => fs.openSync(path, READ_FLAGS),
      path => open(path, READ_FLAGS),
    ),
    fstat: quick(
      fd => fs.fstatSync(fd),
      fd => fstat(fd),
    ),
    read: quick(
      (fd, buffer) => fs.readSync(fd, buffer, 0, buffer.length, 0),
      async (fd, buffer) => (await read(fd, buffer, 0, buffer.length, 0)).bytesRead,
    ),
    close: quick(fs.closeSync, close),
    lstat: quick(
      path => fs.lstatSync(path),
      path => lstat(path),
    ),
  };
}

// A name may have become a pipe, which would block, or a link out of the tree.
const READ_FLAGS = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW;

// A FileHandle costs several times as much as a descriptor.
const open = promisify(fs.open);
const fstat = promisify(fs.fstat);
const read = promisify(fs.read);
const close = promisify(fs.close);
const lstat = promisify(fs.lstat);
