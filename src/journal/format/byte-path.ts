/**
 * A path below the working directory as the file system has it, one character for each byte: names need not be UTF-8,
 * and a string, unlike a Buffer, can be the key of a Map.
 */
export type BytePath = string;

export function fromText(text: string): BytePath {
  return Buffer.from(text).toString('latin1');
}

export function toBytes(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}

/** For people and globs: bytes that are not UTF-8 are replaced by U+FFFD. */
export function toText(path: BytePath): string {
  return isAscii(path) ? path : toBytes(path).toString();
}

/** As node:fs takes it. */
export function toFsPath(path: BytePath): string | Buffer {
  return isAscii(path) ? path : toBytes(path);
}

export function joinPath(folder: BytePath, name: BytePath): BytePath {
  return folder === '' ? name : `${folder}/${name}`;
}

/** Whether a path from a journal stays below the folder that it is joined to, and is short enough for a file system. */
export function isContained(path: BytePath): boolean {
  return path.length <= MAX_PATH_BYTES && path.split('/').every(isName);
}

const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;

function isName(part: string): boolean {
  return (
    part !== '' && part !== '.' && part !== '..' && part.length <= MAX_NAME_BYTES && !part.includes('\0')
  );
}

function isAscii(path: BytePath): boolean {
  for (let i = 0; i < path.length; i += 1) if (path.charCodeAt(i) > 127) return false;
  return true;
}

/** The most bytes that a path takes in JSON: six for each byte (`\\u0000`), and its quotes and key. */
export function jsonBytes(path: BytePath): number {
  return 6 * path.length + 20;
}
