import { TAR_BLOCK_BYTES, tarPadding } from './tar.ts';

/** A file in a tar; its content is a view of the tar's bytes. */
export interface TarFile {
  readonly path: Buffer;
  readonly body: Buffer;
}

/**
 * Reads what `encodeTarHeader` writes for files, and nothing else: regular files with ustar headers, and GNU long names.
 * The parser of the tar package converts names to text, which loses those that are not UTF-8.
 * @throws when the tar has anything else in it, a wrong checksum, or no two empty blocks at its end
 */
export function* readTarFiles(tar: Buffer): Generator<TarFile> {
  let longName: Buffer | undefined;
  let at = 0;
  const read = (size: number): Buffer => {
    const end = at + size;
    if (end > tar.length) throw new Error(`the tar ends in the middle, at byte ${tar.length}`);
    const bytes = tar.subarray(at, end);
    at = end;
    return bytes;
  };
  for (;;) {
    const header = read(TAR_BLOCK_BYTES);
    if (isEmpty(header)) break;
    const { type, name, size } = readHeader(header);
    const body = read(size);
    read(tarPadding(size));
    if (type === LONG_NAME) {
      longName = upToNul(body);
      continue;
    }
    yield { path: longName ?? name, body };
    longName = undefined;
  }
  if (!isEmpty(read(TAR_BLOCK_BYTES)) || at !== tar.length) throw new Error('the tar goes on behind its end');
}

const LONG_NAME = 'L';
const PLAIN_FILE = '0';

function readHeader(header: Buffer): { type: string; name: Buffer; size: number } {
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0';
  if (!isUstar || readOctal(header, 148, 8) !== checksum(header)) {
    throw new Error('no tar header where one should be');
  }
  const type = header.toString('latin1', 156, 157);
  if (type !== PLAIN_FILE && type !== LONG_NAME)
    throw new Error(`a tar entry of type ${JSON.stringify(type)}`);
  const [name, prefix] = [upToNul(header.subarray(0, 100)), upToNul(header.subarray(345, 500))];
  const path = prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
  return { type, name: path, size: readOctal(header, 124, 12) };
}

function readOctal(header: Buffer, at: number, bytes: number): number {
  const digits = header.toString('latin1', at, at + bytes).replace(/[\0 ]+$/, '');
  if (!/^[0-7]+$/.test(digits)) throw new Error('no number where a tar header has one');
  return Number.parseInt(digits, 8);
}

/** The sum of the header's bytes, with blanks in place of the checksum field. */
function checksum(header: Buffer): number {
  let sum = 0;
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte;
  return sum;
}

function upToNul(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function isEmpty(block: Buffer): boolean {
  return block.every(byte => byte === 0);
}
