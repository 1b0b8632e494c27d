import { open } from 'node:fs/promises';
import { join } from 'node:path';

export interface SessionFolder {
  /** The folder of the session's key: `[turk/<id>/]<TIMESTAMP>`. */
  readonly folder: string;
  /** Why the id of the crowd-sourcing experiment was left out of the key. */
  readonly notice: string | undefined;
}

const ID_FILE = 'turk_experiment_id.txt';

/** Where a session's objects go below its destination, as its working directory says at the time of asking. */
export async function sessionFolder(workdir: string, timestamp: string): Promise<SessionFolder> {
  const read = await readId(join(workdir, ID_FILE));
  if (read === undefined) return { folder: timestamp, notice: undefined };
  if ('fault' in read) {
    return { folder: timestamp, notice: `${ID_FILE} ${read.fault}: the key does without it` };
  }
  return { folder: `turk/${read.id}/${timestamp}`, notice: undefined };
}

async function readId(path: string): Promise<{ id: string } | { fault: string } | undefined> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_READ), 0, LONGEST_READ, 0);
    const id = buffer.toString('utf8', 0, bytesRead).trim();
    const isId = /^[A-Za-z0-9._-]{1,128}$/.test(id) && id !== '.' && id !== '..';
    return isId ? { id } : { fault: 'holds no id of 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-"' };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    return { fault: `cannot be read (${String(error)})` };
  }
}

const LONGEST_READ = 1_024;

/** `logs.tar.gz`, `logs.2.tar.gz`, …: the names that an archive, or its report, takes when others are taken. */
export function nthName(name: string, n: number): string {
  return n === 1 ? name : name.replace(/(?:\.tar)?\.\w+$/, ending => `.${n}${ending}`);
}

/** The report that lies beside the n-th archive. */
export function reportName(n: number): string {
  return nthName('session.json', n);
}

/** Takes the session's own folder off a path: its name, and the experiment's id where it has one. */
export function splitKey(path: string): { parent: string; folder: string } {
  const parts = path.split('/');
  const length = parts.at(-3) === 'turk' ? 3 : 1;
  return { parent: parts.slice(0, -length).join('/'), folder: parts.slice(-length).join('/') };
}

/** Joins a folder of a key, which may be none, and a name. */
export function keyOf(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
