/** What is not in the archive as it was on disk: the first ones by name, and how many in all. */
export interface CappedListSummary {
  readonly total: number;
  readonly first: readonly CappedListItem[];
}

export interface CappedListItem {
  /** Relative to the root, which is `.`; bytes that are not UTF-8 show as U+FFFD. */
  readonly path: string;
  readonly why: string;
}

export interface CappedList {
  add(path: Buffer, why: string): void;
  summary(): CappedListSummary;
}

/** Keeps the first `limit` items: a tree with a million faults takes no more memory than one with a few hundred. */
export function cappedList(limit = 200): CappedList {
  const first: CappedListItem[] = [];
  let total = 0;
  return {
    add: (path, why) => {
      total += 1;
      if (first.length < limit) first.push({ path: path.toString() || '.', why });
    },
    summary: () => ({ total, first: [...first] }),
  };
}
