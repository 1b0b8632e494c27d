/**
 * A path below the working directory as the file system has it, one character for each byte: names need not be text,
 * and a string, unlike a Buffer, can be a Map's key.
 */
export type BytePath = string;

export function fromText(text: string): BytePath {
  return Buffer.from(text).toString('latin1');
}

export function toBytes(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}

/** For people and globs: what is no UTF-8 is replaced. */
export function toText(path: BytePath): string {
  return isAscii(path) ? path : toBytes(path).toString();
}

/** What node:fs takes as a path. */
export function toFsPath(path: BytePath): string | Buffer {
  return isAscii(path) ? path : toBytes(path);
}

export function joinPath(folder: BytePath, name: BytePath): BytePath {
  return folder === '' ? name : `${folder}/${name}`;
}

/** Whether a path from a journal stays below the folder that it is joined to, and a file system can hold it. */
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

/** What a path takes in JSON at most: six characters for each byte. */
export function jsonBytes(path: BytePath): number {
  return 6 * path.length + 20;
}
