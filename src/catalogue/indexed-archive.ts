import type { IndexEntry, IndexHeader } from '../archive-index/format.ts';
import { type ReadIndex, readIndex } from '../archive-index/read.ts';
import { readPatiently } from '../store/silence.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { DamagedArchiveError, decodeFromBlock } from '../unpack/decode.ts';
import { type ArchivedEntry, type ContentPiece, readTar } from '../unpack/read-tar.ts';
import type { CatalogueEntry } from './entry.ts';

/**
 * The entries of an archive by its index: of the archive itself only the blocks are read in which there is content that
 * somebody asks for. They are not compared with the archive's digest, which is that of the whole.
 * @returns undefined: it has no index
 * @throws {Error} where the index is damaged, or of another archive; and what the store throws
 */
export async function readIndexed(
  destination: Store,
  { archive, report, index: key }: Pick<CatalogueEntry, 'archive' | 'report' | 'index'>,
  signal: AbortSignal,
): Promise<AsyncGenerator<ArchivedEntry, void> | undefined> {
  if (archive === undefined || key === undefined) return undefined;
  const index = await openIndex(destination, key, signal);
  const { bytes, sha256 } = index.header.archive;
  if (bytes === archive.bytes && sha256 === report?.archive?.sha256)
    return archivedEntries(index, openContents(destination, archive, index.header, signal));
  throw new Error('it is of another archive');
}

/** @throws {Error} as `readIndexed` does */
export async function openIndex(destination: Store, key: string, signal: AbortSignal): Promise<ReadIndex> {
  return readIndex(await readSmall(readPatiently(destination, key, signal)));
}

/** Some three million files. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;

async function readSmall(object: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of object) {
    bytes += piece.length;
    if (bytes > MAX_INDEX_BYTES) throw new Error('it is larger than any index');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function* archivedEntries(index: ReadIndex, contents: Contents): AsyncGenerator<ArchivedEntry, void> {
  let ordinal = 0;
  try {
    for await (const entry of index.entries()) {
      yield {
        type: entry.type,
        path: Buffer.from(entry.path, 'latin1'),
        size: entry.size,
        mode: entry.mode,
        mtimeMs: entry.mtime * 1_000,
        target: entry.target === undefined ? undefined : Buffer.from(entry.target, 'latin1'),
        content: contents.read(entry, ordinal),
      };
      ordinal += 1;
    }
  } finally {
    await contents.close();
  }
}

interface Contents {
  /** @param ordinal how many entries are before it */
  read(entry: IndexEntry, ordinal: number): AsyncGenerator<ContentPiece, void>;
  close(): Promise<void>;
}

/** To read on is faster than to ask for what is no further away. */
const NEAR_BYTES = 8 << 20;

function openContents(
  destination: Store,
  { key }: StoredObject,
  { archive: { codec }, blockBytes, blocks }: IndexHeader,
  signal: AbortSignal,
): Contents {
  let reading:
    | { readonly entries: AsyncGenerator<ArchivedEntry, void>; ordinal: number; at: number }
    | undefined;

  function openAt(at: number): AsyncGenerator<ArchivedEntry, void> {
    const block = Math.floor(at / blockBytes);
    const from = blocks[block];
    if (from === undefined) throw new DamagedArchiveError(`the index of ${key} names no block ${block}`);
    const rest = readPatiently(destination, key, signal, { from: { at: from, version: undefined } });
    return readTar(without(at - block * blockBytes, decodeFromBlock(rest, codec)));
  }

  async function find({ at }: IndexEntry, ordinal: number): Promise<ArchivedEntry | undefined> {
    if (reading === undefined || ordinal < reading.ordinal || at - reading.at > NEAR_BYTES) {
      await reading?.entries.return();
      reading = { entries: openAt(at), ordinal, at };
    }
    for (; reading.ordinal < ordinal; reading.ordinal += 1) await reading.entries.next();
    reading.ordinal += 1;
    reading.at = at;
    return (await reading.entries.next()).value ?? undefined;
  }

  return {
    async *read(entry, ordinal) {
      if (entry.type !== 'file') return;
      const found = await find(entry, ordinal);
      const path = found?.path.toString('latin1');
      if (found === undefined || path !== entry.path || found.size !== entry.size)
        throw new DamagedArchiveError(`${key} has something else where its index says`);
      yield* found.content;
    },
    close: async () => void (await reading?.entries.return()),
  };
}

/** A stream without its first bytes. */
async function* without(bytes: number, stream: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  let left = bytes;
  for await (const piece of stream) {
    const rest = piece.subarray(left);
    left -= piece.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
