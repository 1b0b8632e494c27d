import { isUtf8 } from 'node:buffer';
import { Header } from 'tar/header';
import { withinDates } from './times.ts';

/** The metadata of an entry. */
export interface TarHeader {
  readonly type: 'file' | 'directory' | 'link';
  /** Relative to the archive's root, parts joined by "/"; bytes, since a file's name has no encoding. */
  readonly path: Buffer;
  /** Bytes of content that follow, padded to whole blocks; 0 for directories and links. */
  readonly size: number;
  /** Permission bits, setuid, setgid and sticky included. */
  readonly mode: number;
  /** Stored in whole seconds. */
  readonly mtimeMs: number;
  /** The target of a symbolic link. */
  readonly target?: Buffer;
}

export const TAR_BLOCK_BYTES = 512;

/** Two empty blocks end an archive. */
export const END_OF_TAR: Buffer = Buffer.alloc(2 * TAR_BLOCK_BYTES);

/** How many zero bytes fill the last block of so many bytes of content. */
export function tarPadding(bytes: number): number {
  return (TAR_BLOCK_BYTES - (bytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

/** The maximum size of an entry in an archive: a short name that is not UTF-8 is stored like a long one. */
export function tarEntryBytes(pathBytes: number, targetBytes: number, size: number): number {
  const long = (bytes: number) => 2 * TAR_BLOCK_BYTES + bytes + tarPadding(bytes);
  return (
    TAR_BLOCK_BYTES +
    long(pathBytes + 2) +
    (targetBytes > 0 ? long(targetBytes + 1) : 0) +
    size +
    tarPadding(size)
  );
}

/**
 * An entry's header blocks: a ustar header, with sizes over 8 GiB in base 256. Owners are not recorded. Names that do
 * not fit, and those that are not UTF-8, are stored in GNU long-name entries before it: pax records must be UTF-8, while
 * GNU tar, bsdtar, Python, Go and node-tar all restore a long name byte for byte.
 */
export function encodeTarHeader(header: TarHeader): Buffer {
  const path = header.type === 'directory' ? Buffer.concat([header.path, SLASH]) : header.path;
  const target = header.target ?? EMPTY;
  const last = headerBlock({
    type: TYPES[header.type],
    path: path.toString('utf8', 0, 99),
    linkpath: target.toString('utf8', 0, 99),
    size: header.size,
    mode: header.mode & 0o7777,
    mtime: new Date(Math.floor(withinDates(header.mtimeMs) / 1000) * 1000),
  });
  if (isShort(path) && isShort(target)) return last;
  const names = [...longName('NextFileHasLongPath', path), ...longName('NextFileHasLongLinkpath', target)];
  return Buffer.concat([...names, last]);
}

type Fields = Pick<Header, 'type' | 'path' | 'linkpath' | 'size' | 'mode' | 'mtime'>;

const NO_OWNER = { uid: 0, gid: 0 };
const NO_TIME = { mtime: new Date(0) };
const TYPES = { file: 'File', directory: 'Directory', link: 'SymbolicLink' } as const;
const SLASH = Buffer.from('/');
const EMPTY = Buffer.alloc(0);

function isShort(name: Buffer): boolean {
  return name.length < 100 && isUtf8(name);
}

function longName(type: 'NextFileHasLongPath' | 'NextFileHasLongLinkpath', name: Buffer): Buffer[] {
  if (isShort(name)) return [];
  const content = Buffer.alloc(name.length + 1 + tarPadding(name.length + 1));
  name.copy(content);
  return [headerBlock({ type, path: '././@LongLink', size: name.length + 1, mode: 0o644 }), content];
}

/** One block; its time is the beginning of 1970 unless given. */
export function headerBlock(fields: Fields): Buffer {
  const bytes = Buffer.allocUnsafe(TAR_BLOCK_BYTES).fill(0);
  // The constructor would copy the fields one by one, which takes as long as all the rest.
  Object.assign(new Header(), NO_TIME, fields, NO_OWNER).encode(bytes);
  return bytes;
}
