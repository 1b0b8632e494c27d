import { createReadStream } from 'node:fs';
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { FileExistsError, syncFolder, writeAtomically } from '../files/atomic-write.ts';
import { errorCode, hasCode, unlessMissing } from '../files/errno.ts';
import { ForeignLinkError, rejectForeignLinks } from '../files/foreign-links.ts';
import { orAborted, timeoutSignal } from '../runtime/abort.ts';
import { isBug } from '../runtime/bug.ts';
import { errorMessage } from '../runtime/text.ts';
import { newUuid } from '../runtime/uuid.ts';
import { listBelow, PART, partsBelow } from './directory-listing.ts';
import { partsOf } from './keys.ts';
import { openSource, SourceError } from './source.ts';
import { watchForStall } from './stall.ts';
import {
  AlreadyExistsError,
  type CheckResult,
  DeniedError,
  type ObjectBody,
  PermanentError,
  type ReadPosition,
  type Store,
} from './store.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
/** How long an aborted upload has to delete its file, on a disk that may have stopped answering. */
const CLEANUP_MS = 1000;
const CHECK_MS = 10_000;

/** A directory as a store; it is made when something is first stored in it. */
export function openDirectoryStore(folder: string): Store {
  const root = path.resolve(folder);
  const url = pathToFileURL(root).href;
  /** The folder itself may be new. */
  const durableBelow = path.dirname(root);
  const fileOf = (key: string) => path.join(root, ...partsOf(key));
  /** To be written, or deleted. */
  const ownFileOf = async (key: string, signal: AbortSignal) => {
    const file = fileOf(key);
    await orAborted(rejectForeignLinks(root, path.dirname(file)), signal);
    signal.throwIfAborted();
    return file;
  };

  async function explained<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw explain(error, `${what} ${url}`);
    }
  }

  return {
    url,

    async check(signal) {
      const limit = timeoutSignal(CHECK_MS);
      const check = orAborted(checkWritable(root), AbortSignal.any([signal, limit]), CLEANUP_MS);
      return check.catch((error: unknown) => {
        if (signal.aborted) throw error;
        return { state: 'unavailable', why: `${root} did not answer for ${CHECK_MS / 1000} s` };
      });
    },

    chunkBytes: () => CHUNK_BYTES,

    async store(key, chunks, { signal, stallMs, onProgress, onStored, ifAbsent = true }) {
      const watch = watchForStall(stallMs, signal);
      const onWritten = (bytes: number, chunk: Buffer) => {
        watch.moved();
        onProgress?.(bytes);
        onStored?.(chunk);
      };
      const source = openSource(chunks, watch.signal);
      try {
        const file = await ownFileOf(key, watch.signal);
        if (ifAbsent && (await orAborted(isThere(file), watch.signal))) throw new FileExistsError(file);
        const bytes = await orAborted(
          writeAtomically(file, source, { replace: !ifAbsent, durableBelow, onWritten }),
          watch.signal,
          CLEANUP_MS,
        );
        const verified = (await orAborted(stat(file), watch.signal)).size === bytes;
        if (!verified) throw new Error(`${file} has not the ${bytes} bytes that were written`);
        return { url: pathToFileURL(file).href, key, bytes, parts: 1, verified };
      } catch (error) {
        signal.throwIfAborted();
        throw explain(error, `save ${key} to ${url}`);
      } finally {
        source.close();
        watch.stop();
      }
    },

    exists: (key, signal) =>
      explained(`look for ${key} in`, signal, () => orAborted(isThere(fileOf(key)), signal)),

    put: (key, body, { signal, ifAbsent }) =>
      explained(`save ${key} to`, signal, async () => {
        const file = await ownFileOf(key, signal);
        const options = { replace: ifAbsent !== true, durableBelow };
        await orAborted(writeAtomically(file, [body], options), signal, CLEANUP_MS);
      }),

    get: (key, signal, from) =>
      explained(`read ${key} from`, signal, () => orAborted(openFile(fileOf(key), signal, from), signal)),

    linkTo: async () => undefined,

    async *list(prefix, signal, startAfter) {
      try {
        yield* listBelow(root, prefix, signal, startAfter);
      } catch (error) {
        signal.throwIfAborted();
        throw explain(error, `list ${prefix || 'everything'} in ${url}`);
      }
    },

    delete: (keys, signal) =>
      explained('delete from', signal, async () => {
        for (const key of keys) {
          const file = await ownFileOf(key, signal);
          await orAborted(rm(file, { force: true }), signal);
          await orAborted(rm(`${file}.part`, { force: true }), signal);
        }
        const folders = new Set(keys.map(key => path.dirname(fileOf(key))));
        // Otherwise what is deleted afterwards may be gone after a power cut, and what was deleted first may not.
        for (const emptied of folders) {
          const folder = await orAborted(removeEmpty(emptied, root), signal);
          await orAborted(unlessMissing(syncFolder(folder)), signal);
        }
      }),

    abortUploads: (key, signal) =>
      explained(`look for what is left of ${key} in`, signal, async () => {
        const part = `${await ownFileOf(key, signal)}.part`;
        if (!(await orAborted(isThere(part), signal))) return 0;
        await orAborted(rm(part, { force: true }), signal);
        return 1;
      }),

    openUploads: (prefix, signal) =>
      explained(`look for uploads below ${prefix} in`, signal, () => partsBelow(root, prefix, signal)),

    deleteParts: (folder, signal) =>
      explained(`delete what is left in ${folder} of`, signal, async () => {
        const at = path.dirname(await ownFileOf(`${folder}/any`, signal));
        const names = (await orAborted(unlessMissing(readdir(at)), signal)) ?? [];
        const parts = names.filter(name => name.endsWith(PART));
        for (const part of parts) await orAborted(rm(path.join(at, part), { force: true }), signal);
        if (parts.length > 0) await orAborted(removeEmpty(at, root), signal);
      }),

    close() {
      // A folder holds nothing open between calls.
    },
  };
}

/** Writes and removes a small file, as saving would. */
async function checkWritable(root: string): Promise<CheckResult> {
  const probe = path.join(root, `.craftassist-session-check-${newUuid()}`);
  try {
    await writeAtomically(probe, [Buffer.from('check\n')], { replace: false });
    await rm(probe);
    return { state: 'ok' };
  } catch (error) {
    const why = `${root} cannot be written: ${errorMessage(error)}`;
    const remedy = remedyFor(errorCode(error));
    return remedy === undefined ? { state: 'unavailable', why } : { state: 'denied', why, remedy };
  }
}

/** Whether a file, or anything else, has that name. */
async function isThere(file: string): Promise<boolean> {
  return (await unlessMissing(stat(file))) !== undefined;
}

async function openFile(
  file: string,
  signal: AbortSignal,
  from: ReadPosition | undefined,
): Promise<ObjectBody | undefined> {
  const stats = await unlessMissing(stat(file, { bigint: true }));
  if (stats === undefined) return undefined;
  const version = `${stats.ino}-${stats.mtimeNs}-${stats.size}`;
  if (from?.version !== undefined && from.version !== version)
    throw new PermanentError(`${file} was replaced while it was read`, 'Read it again from its beginning.');
  return Object.assign(read(file, from?.at ?? 0, signal), { version });
}

async function* read(file: string, start: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  yield* createReadStream(file, { start, signal });
}

/**
 * Folders are only names in keys: one that holds no more files goes, and so do those above it.
 * @returns the first one that stays
 */
async function removeEmpty(folder: string, root: string): Promise<string> {
  for (let each = folder; each !== root; each = path.dirname(each)) {
    try {
      await rmdir(each);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) continue;
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'EACCES', 'EPERM')) return each;
      throw error;
    }
  }
  return root;
}

function explain(error: unknown, what: string): Error {
  if (error instanceof PermanentError) return error;
  if (error instanceof FileExistsError) return new AlreadyExistsError(error.message, { cause: error });
  const cause = error instanceof SourceError ? error.cause : error;
  if (isBug(cause)) return cause;
  const message = `could not ${what}: ${errorMessage(cause)}`;
  if (cause instanceof ForeignLinkError)
    return new PermanentError(message, 'Remove the link, or give another destination.', { cause });
  const remedy = error instanceof SourceError ? undefined : remedyFor(errorCode(error));
  if (remedy === undefined) return new Error(message, { cause });
  const isDenied = hasCode(error, 'EACCES', 'EPERM');
  return new (isDenied ? DeniedError : PermanentError)(message, remedy, { cause });
}

/** What a person can do; undefined: it may pass by itself. */
function remedyFor(code: string | undefined): string | undefined {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'Free some space there, or give another destination.';
    case 'EACCES':
    case 'EPERM':
      return 'Let the user that this runs as read and write there, or give another destination.';
    case 'EROFS':
      return 'Mount it for writing, or give another destination.';
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
      return 'Give a folder: a file is in the way.';
    case 'ENAMETOOLONG':
    case 'ELOOP':
      return 'Give a shorter path without loops of links.';
    case 'EFBIG':
      return 'Give a destination that takes files of this size.';
    default:
      return undefined;
  }
}
