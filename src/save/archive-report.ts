import type { Report } from '../report/schema.ts';
import type { SavedArchive } from './save.ts';

/** What a report tells of an archive that was packed and stored. */
export function archiveReport({
  receipt,
  summary,
  attempts,
  ms,
  deflate,
}: SavedArchive): NonNullable<Report['archive']> {
  const { skipped, changed } = summary;
  return {
    ...receipt,
    ...summary,
    skipped: { ...skipped, first: [...skipped.first] },
    changed: { ...changed, first: [...changed.first] },
    tries: attempts,
    deflate,
    ms: Math.round(ms),
    bytesPerSecond: Math.round((receipt.bytes / ms) * 1_000),
  };
}
