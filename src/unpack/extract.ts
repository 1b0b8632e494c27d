import { constants } from 'node:fs';
import {
  chmod,
  type FileHandle,
  link,
  lutimes,
  mkdir,
  open,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';
import { describeFsError, hasCode } from '../files/errno.ts';
import { withinDates } from '../files/times.ts';
import { partsOf, staysInside } from './entry-path.ts';
import type { ArchivedEntry } from './read-tar.ts';

/** What was unpacked, and what was not. */
export interface Extracted {
  files: number;
  bytes: number;
  /** By path in the archive; sentences for people. */
  readonly refused: { readonly path: Buffer; readonly why: string }[];
}

export interface ExtractOptions {
  /** Absolute path of an empty folder, to which nobody else writes. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Called as content is written. */
  readonly onBytes?: (bytes: number) => void;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** No setuid, no setgid: what comes out of an archive is nobody's program. */
const MODE = 0o777;
const OWN_FOLDER = 0o700;
const OWN_FILE = 0o600;

/**
 * Writes entries to an empty folder, and nothing outside of it, whatever they are called: parts of paths that lead out
 * are refused, devices and pipes are not made, and links are made last, when nothing is written through them any more.
 * Of two entries of one path the later one counts.
 * @throws what reading the entries throws, the signal's reason, and where the disk is full
 */
export async function extract(
  entries: AsyncIterable<ArchivedEntry>,
  { folder, signal, onBytes }: ExtractOptions,
): Promise<Extracted> {
  const extracted: Extracted = { files: 0, bytes: 0, refused: [] };
  const root = Buffer.from(folder);
  const folders = new Map<string, ArchivedEntry>();
  const links = new Map<string, { readonly entry: ArchivedEntry; readonly depth: number }>();
  const at = (parts: readonly Buffer[]) => Buffer.concat([root, ...parts.flatMap(part => [SLASH, part])]);

  async function write(entry: ArchivedEntry, parts: readonly Buffer[]): Promise<void> {
    const path = at(parts);
    await mkdir(at(parts.slice(0, -1)), { recursive: true, mode: OWN_FOLDER });
    if (entry.type === 'hard-link') {
      const target = partsOf(entry.target ?? Buffer.alloc(0));
      if (target === undefined) throw new RefusedEntryError('is a hard link that leads out of the folder');
      await replacing(path, () => link(at(target), path));
      return;
    }
    await using file = await replacing(path, () => open(path, CREATE, OWN_FILE));
    await writeContent(file, entry);
    await file.chmod(entry.mode & MODE);
    await file.utimes(...timesOf(entry));
    extracted.files += 1;
    extracted.bytes += entry.size;
  }

  async function writeContent(file: FileHandle, entry: ArchivedEntry): Promise<void> {
    for await (const { offset, bytes } of entry.content) {
      signal.throwIfAborted();
      for (let written = 0; written < bytes.length; )
        written += (await file.write(bytes, written, bytes.length - written, offset + written)).bytesWritten;
      onBytes?.(bytes.length);
    }
    await file.truncate(entry.size);
  }

  async function extractOne(entry: ArchivedEntry): Promise<void> {
    const parts = partsOf(entry.path);
    if (parts === undefined) throw new RefusedEntryError('leads out of the folder');
    const key = at(parts).toString('latin1');
    links.delete(key);
    if (entry.type === 'special') throw new RefusedEntryError('is neither a file nor a folder nor a link');
    if (entry.type === 'directory') {
      await mkdir(at(parts), { recursive: true, mode: OWN_FOLDER });
      folders.set(key, entry);
    } else if (entry.type === 'link') links.set(key, { entry, depth: parts.length - 1 });
    else await write(entry, parts);
  }

  async function makeLink(path: Buffer, target: Buffer, depth: number): Promise<void> {
    if (!staysInside(target, depth)) throw new RefusedEntryError('is a link that leads out of the folder');
    await replacing(path, () => symlink(target, path));
  }

  async function orRefuse(entry: ArchivedEntry, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof RefusedEntryError) && !hasCode(error, ...OF_ONE_ENTRY)) throw error;
      const why = error instanceof RefusedEntryError ? error.message : describeFsError(error);
      extracted.refused.push({ path: entry.path, why });
    }
  }

  for await (const entry of entries) {
    signal.throwIfAborted();
    await orRefuse(entry, () => extractOne(entry));
  }
  for (const [key, { entry, depth }] of links) {
    const path = Buffer.from(key, 'latin1');
    await orRefuse(entry, async () => {
      await makeLink(path, entry.target ?? Buffer.alloc(0), depth);
      await lutimes(path, ...timesOf(entry));
    });
  }
  // Children first: a folder that may not be written to takes nothing any more.
  for (const [key, entry] of [...folders].sort(([a], [b]) => b.length - a.length)) {
    const path = Buffer.from(key, 'latin1');
    await chmod(path, (entry.mode & MODE) | OWN_FOLDER);
    await utimes(path, ...timesOf(entry));
  }
  return extracted;
}

const SLASH = Buffer.from('/');

/** One entry cannot be unpacked here; all others can. */
class RefusedEntryError extends Error {
  override readonly name = 'RefusedEntryError';
}

/** A file where an archive has a folder as well, a hard link to what is not there, a path too long here. */
const OF_ONE_ENTRY = ['EEXIST', 'ENOTDIR', 'EISDIR', 'ENOENT', 'ENAMETOOLONG', 'EPERM', 'ENOTEMPTY'];

async function replacing<T>(path: Buffer, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    await unlink(path);
    return await make();
  }
}

function timesOf({ mtimeMs }: ArchivedEntry): [Date, Date] {
  const time = new Date(withinDates(mtimeMs));
  return [time, time];
}
