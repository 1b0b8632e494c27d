import type { Span } from '../files/holes.ts';
import { TAR_BLOCK_BYTES, tarPadding } from '../files/tar.ts';
import type { ByteReader } from './byte-reader.ts';
import { DamagedArchiveError } from './decode.ts';

/**
 * The records of a pax header, which say something of the next entry:
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 * @throws {DamagedArchiveError}
 */
export function readPaxRecords(content: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < content.length; ) {
    const blank = content.indexOf(0x20, at);
    const length = blank < 0 ? Number.NaN : Number(content.toString('latin1', at, blank));
    const record = content.subarray(blank + 1, at + length - 1);
    const equals = record.indexOf(0x3d);
    if (!Number.isSafeInteger(length) || at + length > content.length || equals < 1)
      throw new DamagedArchiveError('a pax header whose records are none');
    records.set(record.toString('utf8', 0, equals), record.subarray(equals + 1));
    at += length;
  }
  return records;
}

/** @throws {DamagedArchiveError} when it is there and is none */
export function numberOf(records: ReadonlyMap<string, Buffer>, key: string): number | undefined {
  const text = records.get(key)?.toString('latin1');
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^-?\d+(?:\.\d*)?$/.test(text) || Math.abs(number) > Number.MAX_SAFE_INTEGER)
    throw new DamagedArchiveError(`a pax header in which ${key} is no number`);
  return number;
}

/** Where the content of a sparse file belongs, and how many bytes of the tar told it. */
export interface SparseMap {
  readonly spans: readonly Span[];
  readonly bytes: number;
}

/** More than any file has that we write: what it takes in memory. */
const MAX_SPANS = 1_000_000;

/**
 * The map before the content of a sparse file, in GNU's format 1.0: decimal numbers, a line each, padded to whole blocks.
 * https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
 * @throws {DamagedArchiveError}
 */
export async function readSparseMap(reader: ByteReader, size: number): Promise<SparseMap> {
  const numbers: number[] = [];
  const startAt = reader.at();
  let line = '';
  const isComplete = () => numbers.length > 0 && numbers.length === 1 + 2 * (numbers[0] ?? 0);
  while (!isComplete()) {
    if (reader.at() - startAt + TAR_BLOCK_BYTES > size + tarPadding(size)) throw noMap();
    const block = await reader.take(TAR_BLOCK_BYTES);
    for (const char of block.toString('latin1')) {
      if (char !== '\n') {
        line += char;
        continue;
      }
      if (!/^\d{1,16}$/.test(line)) throw noMap();
      numbers.push(Number(line));
      line = '';
      if ((numbers[0] ?? 0) > MAX_SPANS) throw noMap();
      if (isComplete()) break;
    }
  }
  const spans: Span[] = [];
  for (let index = 1; index < numbers.length; index += 2)
    spans.push({ offset: numbers[index] ?? 0, length: numbers[index + 1] ?? 0 });
  return { spans, bytes: reader.at() - startAt };
}

function noMap(): DamagedArchiveError {
  return new DamagedArchiveError('a sparse file without the map of its holes');
}
