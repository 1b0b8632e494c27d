const MiB = 1024 * 1024;

/** S3 takes this many parts, each but the last of at least 5 MiB. */
export const MAX_PARTS = 10_000;
export const MIN_PART_BYTES = 5 * MiB;

/** Large enough that a round trip costs little, small enough that several fit into memory. */
const USUAL_PART_BYTES = 8 * MiB;
/** The rest is for an archive that outgrows what was expected of it. */
const PARTS_PLANNED = 9_000;
const IN_FLIGHT_BYTES = 32 * MiB;

/**
 * The size of all parts but the last: whole MiB, so that a chunk of another size is known to be the last.
 * @param expectedBytes what the archive has at most
 */
export function partBytes(expectedBytes: number): number {
  const needed = Math.ceil(expectedBytes / PARTS_PLANNED / MiB) * MiB;
  return Math.max(USUAL_PART_BYTES, needed);
}

/** How many parts of a size are sent at the same time: what memory allows, but never one alone. */
export function partsInFlight(bytes: number): number {
  return Math.max(2, Math.floor(IN_FLIGHT_BYTES / bytes));
}

/** Whether a first chunk can only be the whole archive. */
export function isWholeArchive(bytes: number): boolean {
  return bytes < MIN_PART_BYTES || bytes % MiB !== 0;
}
