import { SESSIONS_FOLDER } from '../config/key-template.ts';

/** `logs.tar.gz`, `logs.2.tar.gz`, …: the names of archives, and of their reports, that share a working directory. */
export function nthName(name: string, n: number): string {
  return n === 1 ? name : name.replace(/(?:\.tar)?\.\w+$/, ending => `.${n}${ending}`);
}

/** The report of the n-th archive in a working directory. */
export function reportName(n: number): string {
  return nthName('session.json', n);
}

/** Where a journal was found, taken apart. */
interface SessionPlace {
  /** The folder that was the session's destination; empty: the store itself. */
  readonly root: string;
  /** The session's name. */
  readonly name: string;
  /** Whether it is one that its session has claimed; earlier versions kept journals beside the archives. */
  readonly isClaimed: boolean;
  /** The experiment that its key names. */
  readonly experiment: string | undefined;
}

/** Takes the folder of a session apart: `.sessions/<name>`, or in earlier versions `[turk/<id>/]<TIMESTAMP>`. */
export function placeOf(folder: string): SessionPlace {
  const parts = folder.split('/');
  const name = parts.at(-1) ?? '';
  const before = (length: number) => parts.slice(0, -length).join('/');
  if (parts.at(-2) === SESSIONS_FOLDER)
    return { root: before(2), name, isClaimed: true, experiment: undefined };
  if (parts.at(-3) === 'turk') return { root: before(3), name, isClaimed: false, experiment: parts.at(-2) };
  return { root: before(1), name, isClaimed: false, experiment: undefined };
}

/** Joins a folder of a key, which may be none, and a name. */
export function keyOf(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
