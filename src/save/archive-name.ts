/** `logs.tar.gz`, `logs.2.tar.gz`, …: the names that an archive, or its report, takes when others are taken. */
export function nthName(name: string, n: number): string {
  return n === 1 ? name : name.replace(/(?:\.tar)?\.\w+$/, ending => `.${n}${ending}`);
}

/** The report beside the n-th archive. */
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
