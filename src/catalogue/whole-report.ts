import { type FoundReport, parseReport } from '../report/schema.ts';
import { readText } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import type { CatalogueEntry } from './entry.ts';

/** More than any report holds. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The whole report of which a catalogue tells the facts.
 * @returns undefined: there is none, or it is none any more
 * @throws when the store cannot be read
 */
export async function readWholeReport(
  destination: Store,
  { report }: Pick<CatalogueEntry, 'report'>,
  signal: AbortSignal,
): Promise<FoundReport | undefined> {
  if (report === undefined) return undefined;
  return parseReport((await readText(destination, report.key, { maxBytes: MAX_BYTES, signal })) ?? '');
}
