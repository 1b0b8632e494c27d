/** A compression level between two bounds that follows the bottleneck. */
export interface Level {
  /** The level for the next block, which is counted. */
  take(): number;
  /** Counts a block that is not worth compressing. */
  skip(): void;
  /** The uploader waits for bytes: compress less. */
  lower(): void;
  /** Bytes wait for the uploader: compress more. */
  raise(): void;
  /** How many blocks were taken at each level; `stored`: not worth compressing. */
  used(): Readonly<Record<string, number>>;
}

/** Starts at `start`, or at the bound that is nearer to it. */
export function followBottleneck(
  bounds: { readonly min: number; readonly max: number },
  start: number,
): Level {
  let current = Math.min(Math.max(start, bounds.min), bounds.max);
  const counts = new Map<string, number>();
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  return {
    take: () => {
      count(String(current));
      return current;
    },
    skip: () => {
      count('stored');
    },
    lower: () => {
      current = Math.max(bounds.min, current - 1);
    },
    raise: () => {
      current = Math.min(bounds.max, current + 1);
    },
    used: () => Object.fromEntries(counts),
  };
}
