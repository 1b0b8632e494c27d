import * as v from 'valibot';
import { JOURNAL_FORMAT, parseVersioned, Timestamp } from './schema.ts';

const Fence = v.object({
  /** Who has put it: a UUID, of one recovery or of the session's own run. */
  by: v.pipe(v.string(), v.uuid()),
  /** For people. */
  host: v.string(),
  /** When it began its work, by its own clock. */
  since: Timestamp,
  /**
   * `working`: it reads the journal, and puts the next fence every minute; `released`: it has given up, or has kept
   * what is damaged; `ended`: what the journal holds is saved, and it is being deleted.
   */
  state: v.picklist(['working', 'released', 'ended']),
  /** The number of the journal's last segment: what is behind it are fences. */
  after: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** The key of the archive that holds it all, once it has ended. */
  archive: v.optional(v.string()),
});

/**
 * An object under the number that the journal's next segment would have. Numbers are only ever put where nothing is: of
 * a writer and a recovery, or of two recoveries, the one that gets the next number has the journal from then on, and
 * the other learns it by its own put.
 */
export type Fence = Readonly<v.InferOutput<typeof Fence>>;

const Envelope = v.object({ format: v.literal(JOURNAL_FORMAT), fence: Fence });
const Marked = v.object({ fence: v.unknown() });

/** No fence takes more. */
export const MAX_FENCE_BYTES = 4096;

/** How often a fence is followed by the next one while the work goes on. */
export const FENCE_INTERVAL_MS = 60_000;

/**
 * @returns undefined: it is that of a segment
 * @throws as `parseIndex` does
 */
export function parseFence(json: string): Fence | undefined {
  const written = parseVersioned(json);
  return v.is(Marked, written) ? v.parse(Envelope, written).fence : undefined;
}

export function formatFence(fence: Fence): string {
  return JSON.stringify({ format: JOURNAL_FORMAT, fence });
}
