import { promisify } from 'node:util';
import { crc32, gunzip, gzip } from 'node:zlib';
import { END_OF_TAR, encodeTarHeader, TAR_BLOCK_BYTES, tarPadding } from '../../files/tar.ts';
import { readTarFiles } from '../../files/untar.ts';
import { toBytes } from './byte-path.ts';
import {
  entryName,
  formatIndex,
  type PieceRecord,
  parseIndex,
  SEGMENT_BYTES,
  type SegmentIndex,
} from './schema.ts';

/** A piece of a file, on its way into a segment. */
export interface Piece {
  readonly record: PieceRecord;
  /** The path has not been another content's in this journal: its entries go by the plain name. */
  readonly isFirst: boolean;
  readonly body: Buffer;
}

/** What a segment holds, once it has proved to be whole. */
export interface Segment {
  readonly index: SegmentIndex;
  /** As many as the index has pieces, in their order. */
  readonly bodies: readonly Buffer[];
  /** Of the object, as the next segment knows it. */
  readonly crc32: string;
}

/**
 * A segment's object: `journal.json`, then the pieces, as tar.gz.
 * @param workspace where the tar is put together, if there is room
 */
export async function encodeSegment(
  index: Omit<SegmentIndex, 'pieces'>,
  pieces: readonly Piece[],
  workspace: Buffer,
): Promise<Buffer> {
  const json = Buffer.from(formatIndex({ ...index, pieces: pieces.map(piece => piece.record) }));
  const mtimeMs = Date.parse(index.coveredUntil);
  const tar = [
    ...tarFile(Buffer.from(INDEX_NAME), json, 0o644, mtimeMs),
    ...pieces.flatMap(({ record, isFirst, body }) =>
      tarFile(toBytes(entryName(record, isFirst)), body, record.mode & 0o777, record.mtimeMs),
    ),
    END_OF_TAR,
  ];
  return await promisify(gzip)(join(tar, workspace), { level: LEVEL });
}

/**
 * Reads and verifies a segment's object.
 * @throws when it is not whole: a byte that was changed, cut off or added does not go unnoticed
 */
export async function decodeSegment(object: Buffer): Promise<Segment> {
  // The limit stands against an object that claims to be a segment and unpacks to terabytes.
  const tar = await promisify(gunzip)(object, { maxOutputLength: 2 * SEGMENT_BYTES });
  const [first, ...files] = readTarFiles(tar);
  if (first?.path.toString() !== INDEX_NAME) throw new Error(`its first entry is not ${INDEX_NAME}`);
  const index = parseIndex(first.body.toString());
  if (files.length !== index.pieces.length) {
    throw new Error(`${files.length} pieces where ${INDEX_NAME} has ${index.pieces.length}`);
  }
  const bodies = index.pieces.map((piece, i) => {
    const file = files[i];
    const name = file?.path.toString('latin1');
    const isNamed = name === entryName(piece, true) || name === entryName(piece, false);
    if (file === undefined || !isNamed) throw new Error(`entry ${i + 1} is not the one in ${INDEX_NAME}`);
    if (file.body.length !== piece.length || checksum([file.body]) !== piece.crc32) {
      throw new Error(`the bytes of entry ${i + 1} are not those of ${INDEX_NAME}`);
    }
    return file.body;
  });
  return { index, bodies, crc32: checksum([object]) };
}

/** CRC-32 as the journal spells it: eight hexadecimal digits. */
export function checksum(buffers: readonly Buffer[]): string {
  return formatCrc(buffers.reduce((crc, buffer) => crc32(buffer, crc), 0));
}

export function formatCrc(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

const INDEX_NAME = 'journal.json';

/** Measured: level 3 takes half of level 6's time and gives 8 % more bytes. */
const LEVEL = 3;

function tarFile(path: Buffer, body: Buffer, mode: number, mtimeMs: number): Buffer[] {
  const header = encodeTarHeader({ type: 'file', path, size: body.length, mode, mtimeMs });
  return [header, body, PADDING.subarray(0, tarPadding(body.length))];
}

const PADDING = Buffer.alloc(TAR_BLOCK_BYTES);

function join(parts: readonly Buffer[], workspace: Buffer): Buffer {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytes > workspace.length) return Buffer.concat(parts);
  let at = 0;
  for (const part of parts) at += part.copy(workspace, at);
  return workspace.subarray(0, bytes);
}
