import type { Span } from '../files/holes.ts';
import { TAR_BLOCK_BYTES, tarPadding } from '../files/tar.ts';
import { type ByteReader, createByteReader } from './byte-reader.ts';
import { DamagedArchiveError } from './decode.ts';
import { numberOf, readPaxRecords, readSparseMap } from './pax.ts';
import { isEmptyBlock, isZeros, type RawHeader, readTarHeader, upToNul } from './tar-header.ts';

/** What an archive has of one file, folder, link, or whatever it is. */
export interface ArchivedEntry {
  /** `special`: a device, a named pipe, or a kind that is not known. */
  readonly type: 'file' | 'directory' | 'link' | 'hard-link' | 'special';
  /** As it stands in the archive: nothing says that it stays inside of a folder. */
  readonly path: Buffer;
  /** Of a file, with its holes. */
  readonly size: number;
  /** Permission bits, setuid, setgid and sticky included. */
  readonly mode: number;
  readonly mtimeMs: number;
  /** What a link points to; of a hard link, the path of an entry before it. */
  readonly target: Buffer | undefined;
  /** A file's content, to be read at once or not at all; what lies between the pieces are zeros. */
  readonly content: AsyncIterable<ContentPiece>;
}

export interface ContentPiece {
  /** In the file. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** A name, or what a pax header says of one entry, is a few hundred bytes. */
const MAX_EXTENSION_BYTES = 1 << 20;

/**
 * The entries of a tar: ours, or one of GNU tar, bsdtar or Python. Content that is not asked for is passed over.
 * @throws {DamagedArchiveError}
 */
export async function* readTar(tar: AsyncGenerator<Buffer, void>): AsyncGenerator<ArchivedEntry, void> {
  const reader = createByteReader(tar);
  try {
    for (;;) {
      const next = await readNext(reader);
      if (next === undefined) break;
      const { entry, endAt } = next;
      yield entry;
      if (reader.at() > endAt) throw new Error('more of an entry was read than it has');
      await reader.skip(endAt - reader.at());
    }
    // To the very end, where a codec has its checksum; whole records are filled up with zeros.
    for await (const piece of reader.rest()) {
      if (!isZeros(piece)) throw new DamagedArchiveError('the tar goes on behind its end');
    }
  } finally {
    await tar.return();
  }
}

interface Extensions {
  path?: Buffer;
  target?: Buffer;
  pax?: ReadonlyMap<string, Buffer>;
}

/** @returns undefined at the end of the tar */
async function readNext(
  reader: ByteReader,
): Promise<{ readonly entry: ArchivedEntry; readonly endAt: number } | undefined> {
  const extensions: Extensions = {};
  for (;;) {
    const at = reader.at();
    const block = await reader.take(TAR_BLOCK_BYTES);
    if (isEmptyBlock(block)) {
      if (isEmptyBlock(await reader.take(TAR_BLOCK_BYTES))) return undefined;
      throw new DamagedArchiveError(`one empty block alone, at byte ${at}`);
    }
    const header = readTarHeader(block, at);
    if (!EXTENSIONS.has(header.type)) return await entryOf(header, extensions, reader);
    if (header.size > MAX_EXTENSION_BYTES)
      throw new DamagedArchiveError(`a name of ${header.size} bytes, at byte ${at}`);
    const content = await reader.take(header.size);
    await reader.skip(tarPadding(header.size));
    if (header.type === 'L') extensions.path = upToNul(content);
    else if (header.type === 'K') extensions.target = upToNul(content);
    else if (header.type === 'x') extensions.pax = readPaxRecords(content);
  }
}

/** GNU's long name and long link target, pax headers of one entry, and of all. */
const EXTENSIONS: ReadonlySet<string> = new Set(['L', 'K', 'x', 'g']);

const TYPES: Readonly<Record<string, ArchivedEntry['type']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hard-link',
  '2': 'link',
  '5': 'directory',
};

async function entryOf(header: RawHeader, { path, target, pax = new Map() }: Extensions, reader: ByteReader) {
  const type = TYPES[header.type] ?? 'special';
  if (header.type === 'S') throw new DamagedArchiveError('a sparse file in the old format of GNU tar');
  const stored = numberOf(pax, 'size') ?? header.size;
  const isSparse = pax.get('GNU.sparse.major')?.toString() === '1';
  const startAt = reader.at();
  const map = isSparse ? await readSparseMap(reader, stored) : undefined;
  const size = isSparse ? (numberOf(pax, 'GNU.sparse.realsize') ?? 0) : stored;
  const spans = map?.spans ?? [{ offset: 0, length: stored }];
  if (spans.some(({ offset, length }) => offset + length > size))
    throw new DamagedArchiveError('a sparse file with content behind its end');
  if (map !== undefined && spans.reduce((sum, { length }) => sum + length, map.bytes) !== stored)
    throw new DamagedArchiveError('a sparse file with more content, or less, than its map has');
  const mtime = numberOf(pax, 'mtime');
  const entry: ArchivedEntry = {
    type,
    path: pax.get('GNU.sparse.name') ?? pax.get('path') ?? path ?? header.path,
    size: type === 'file' ? size : 0,
    mode: header.mode & 0o7777,
    mtimeMs: mtime === undefined ? header.mtimeMs : mtime * 1_000,
    target:
      type === 'link' || type === 'hard-link' ? (pax.get('linkpath') ?? target ?? header.target) : undefined,
    content: contentOf(reader, type === 'file' ? spans : []),
  };
  return { entry, endAt: startAt + stored + tarPadding(stored) };
}

async function* contentOf(reader: ByteReader, spans: readonly Span[]): AsyncGenerator<ContentPiece> {
  for (const span of spans) {
    let { offset } = span;
    for await (const bytes of reader.pieces(span.length)) {
      yield { offset, bytes };
      offset += bytes.length;
    }
  }
}
