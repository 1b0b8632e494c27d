import { type Duplex, pipeline, Readable } from 'node:stream';
import { createGunzip, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { hasCode } from '../files/errno.ts';

/** The bytes of an archive are not what its codec, or tar, makes. */
export class DamagedArchiveError extends Error {
  override readonly name = 'DamagedArchiveError';
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
/** RFC 8878, section 3.1.1 */
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const PIECE_BYTES = 65_536;

/**
 * The tar in an archive, whose first bytes tell its codec: gzip, zstd or none. As much is read as is asked for.
 * @throws {DamagedArchiveError} where it does not decompress, or ends in the middle; and what the source throws
 */
export async function* decode(archive: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const source = archive[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done) throw new DamagedArchiveError('the archive is empty');
  const all = startingWith(first.value, source);
  const decoder = decoderOf(first.value);
  yield* decoder === undefined ? all : decoded(all, decoder);
}

/**
 * The tar from a block on, as they are listed in an archive's index.
 * @param archive the archive from there on
 * @throws as `decode` does
 */
export function decodeFromBlock(
  archive: AsyncGenerator<Buffer, void>,
  codec: 'gzip' | 'zstd' | 'none',
): AsyncGenerator<Buffer, void> {
  switch (codec) {
    case 'gzip':
      // What comes before it is not needed, and gzip's header is there.
      return decoded(archive, createInflateRaw({ chunkSize: PIECE_BYTES }));
    case 'zstd':
      return decoded(archive, createZstdDecompress({ chunkSize: PIECE_BYTES }));
    case 'none':
      return archive;
    default:
      return codec satisfies never;
  }
}

async function* decoded(
  archive: AsyncIterable<Buffer>,
  decoder: Duplex & AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void> {
  let fault: unknown;
  const compressed = Readable.from(
    noting(archive, error => (fault = error)),
    { objectMode: false },
  );
  // Its callback is told what the loop below throws.
  pipeline(compressed, decoder, () => undefined);
  try {
    for await (const piece of decoder) yield piece;
  } catch (error) {
    if (fault !== undefined) throw fault;
    const why = hasCode(error, 'Z_BUF_ERROR') ? 'it ends in the middle' : describe(error);
    throw new DamagedArchiveError(`the archive does not decompress: ${why}`, { cause: error });
  } finally {
    compressed.destroy();
    decoder.destroy();
  }
}

function decoderOf(start: Buffer) {
  if (startsWith(start, GZIP_MAGIC)) return createGunzip({ chunkSize: PIECE_BYTES });
  if (startsWith(start, ZSTD_MAGIC)) return createZstdDecompress({ chunkSize: PIECE_BYTES });
  return undefined;
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}

async function* startingWith(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** What a source throws is its own fault, and not that of what has been read. */
async function* noting(
  source: AsyncIterable<Buffer>,
  note: (error: unknown) => void,
): AsyncGenerator<Buffer> {
  const pieces = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await pieces.next().catch((error: unknown) => {
        note(error);
        throw error;
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await pieces.return?.();
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
