/** What did not go into the archive as it was: the first ones by name, and how many in all. */
export interface Noted {
  readonly total: number;
  readonly first: readonly Note[];
}

export interface Note {
  /** Relative to the root, which is `.`; bytes that are no UTF-8 show as U+FFFD. */
  readonly path: string;
  readonly why: string;
}

export interface Notes {
  add(path: Buffer, why: string): void;
  read(): Noted;
}

/** A list that keeps the first `limit`, so that a tree of a million faults needs no more memory than one of a hundred. */
export function notes(limit = 200): Notes {
  const first: Note[] = [];
  let total = 0;
  return {
    add: (path, why) => {
      total += 1;
      if (first.length < limit) first.push({ path: path.toString() || '.', why });
    },
    read: () => ({ total, first: [...first] }),
  };
}
