import type { PackSummary } from '../archive/pack.ts';
import type { CappedListSummary } from '../archive/skipped.ts';
import type { Recovered } from '../journal/reader/rebuild.ts';

/** An archive that was made of what was rebuilt. */
export interface Packed {
  readonly summary: PackSummary;
  /** How many bytes it has of each file. */
  readonly files: ReadonlyMap<string, number>;
}

/**
 * What an archive lacks of the files that were rebuilt for it. Nobody else writes to these: one that changes while it is
 * packed is one that the disk no longer reads, and has zeros in its place.
 */
export function notPackedOf(
  { files, bytes, displaced }: Pick<Recovered, 'files' | 'bytes' | 'displaced'>,
  packed: Packed,
): CappedListSummary {
  const { skipped, changed } = packed.summary;
  const total = skipped.total + changed.total;
  if (total > 0) return { total, first: [...skipped.first, ...changed.first] };
  const rebuilt = { files: files + displaced.length, bytes };
  const there = { files: packed.files.size, bytes: sum(packed.files.values()) };
  if (there.files === rebuilt.files && there.bytes === rebuilt.bytes) return { total: 0, first: [] };
  const why = `${there.files} of ${rebuilt.files} files are there, and ${there.bytes} of ${rebuilt.bytes} bytes`;
  return { total: 1, first: [{ path: '.', why }] };
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
