import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { hasCode } from '../../src/files/errno.ts';

/** A call that changes something below a folder, or makes that durable. Paths are relative to the folder. */
export type FileCall =
  | { readonly kind: 'mkdir' | 'unlink' | 'rmdir'; readonly path: string }
  /** @param file a number for each file that was opened for writing: it may have another name by now */
  | { readonly kind: 'create'; readonly path: string; readonly file: number }
  | { readonly kind: 'write'; readonly path: string; readonly file: number; readonly bytes: Buffer }
  | { readonly kind: 'sync'; readonly path: string; readonly file: number | undefined }
  | { readonly kind: 'link' | 'rename'; readonly path: string; readonly from: string };

export interface CallObserver {
  before?(call: FileCall): void;
  /** When the first half of the bytes is written. */
  amid?(call: FileCall): void;
  after?(call: FileCall): void;
}

/** As they are: an observer's own calls are not watched. */
export const realFs = { ...fs, promises: { ...fs.promises } };

/**
 * Watches what this process changes below a folder through the functions of node:fs/promises that the product uses
 * there.
 * @returns what ends it
 */
export function watchCalls(folder: string, observer: CallObserver): () => void {
  let files = 0;

  /** undefined: it is not below the folder. */
  function inside(path: fs.PathLike): string | undefined {
    const name = relative(folder, resolve(String(path)));
    return name.startsWith('..') ? undefined : name;
  }

  async function watched<T>(call: FileCall, work: () => Promise<T>): Promise<T> {
    observer.before?.(call);
    const result = await work();
    observer.after?.(call);
    return result;
  }

  function watchHandle(handle: FileHandle, path: string, file: number | undefined): FileHandle {
    const { sync, writeFile } = handle;
    handle.sync = () => watched({ kind: 'sync', path, file }, () => sync.call(handle));
    if (file === undefined) return handle;
    handle.writeFile = async data => {
      const bytes = Buffer.from(data as Buffer);
      const call = { kind: 'write', path, file, bytes } as const;
      const half = bytes.length >> 1;
      await watched(call, async () => {
        await writeFile.call(handle, bytes.subarray(0, half));
        observer.amid?.(call);
        await writeFile.call(handle, bytes.subarray(half));
      });
    };
    return handle;
  }

  const { promises } = realFs;
  async function makeOne(path: fs.PathLike, options?: fs.MakeDirectoryOptions) {
    const name = inside(path);
    if (name === undefined) return promises.mkdir(path, options);
    const call = { kind: 'mkdir', path: name } as const;
    observer.before?.(call);
    // At once: whoever else finds it there is told of after it.
    realFs.mkdirSync(path, options);
    observer.after?.(call);
    return undefined;
  }

  Object.assign(fs.promises, {
    async mkdir(path: fs.PathLike, options?: fs.MakeDirectoryOptions) {
      if (inside(path) === undefined || !options?.recursive) return makeOne(path, options);
      let first: string | undefined;
      for (const each of missing(String(path))) {
        try {
          await makeOne(each);
          first ??= each;
        } catch (error) {
          // Somebody else has made it meanwhile.
          if (!hasCode(error, 'EEXIST')) throw error;
        }
      }
      return first;
    },
    async open(path: fs.PathLike, flags: string | number = 'r', mode?: fs.Mode) {
      const name = inside(path);
      if (name === undefined) return promises.open(path, flags, mode);
      if (!isWriting(flags)) return watchHandle(await promises.open(path, flags, mode), name, undefined);
      files += 1;
      const file = files;
      const call = { kind: 'create', path: name, file } as const;
      return watchHandle(await watched(call, () => promises.open(path, flags, mode)), name, file);
    },
    ...watchPair('link'),
    ...watchPair('rename'),
    async rm(path: fs.PathLike, options?: fs.RmOptions) {
      const name = inside(path);
      const isFile = realFs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
      if (name === undefined || !isFile) return promises.rm(path, options);
      return watched({ kind: 'unlink', path: name }, () => promises.rm(path, options));
    },
    async rmdir(path: fs.PathLike) {
      const name = inside(path);
      if (name === undefined) return promises.rmdir(path);
      return watched({ kind: 'rmdir', path: name }, () => promises.rmdir(path));
    },
  });
  syncBuiltinESMExports();
  return () => {
    Object.assign(fs.promises, promises);
    syncBuiltinESMExports();
  };

  function watchPair(kind: 'link' | 'rename') {
    return {
      async [kind](from: fs.PathLike, to: fs.PathLike) {
        const [before, after] = [inside(from), inside(to)];
        if (before === undefined || after === undefined) return promises[kind](from, to);
        return watched({ kind, path: after, from: before }, () => promises[kind](from, to));
      },
    };
  }
}

/** The folders that a recursive mkdir makes, in its order. */
function missing(path: string): readonly string[] {
  const names: string[] = [];
  for (let each = path; !realFs.existsSync(each); each = dirname(each)) names.unshift(each);
  return names;
}

function isWriting(flags: string | number): boolean {
  if (typeof flags === 'string') return /[wa+]/.test(flags);
  return (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0;
}
