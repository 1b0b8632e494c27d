import type { CatalogueEntry } from './entry.ts';
import { isUnsaved } from './state.ts';

export const SORT_KEYS = ['start', 'length', 'size', 'people', 'session'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** What somebody asks of a catalogue. */
export interface Selection {
  /** Started at this moment or later, in milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  /** Started before this moment. */
  readonly untilMs?: number | undefined;
  /** See `reasonOf`. */
  readonly reason?: string | undefined;
  readonly experiment?: string | undefined;
  /** Only those that are in no archive, or not whole, and that nobody is at. */
  readonly isUnsaved: boolean;
  readonly sort: SortKey;
  /** The greatest, or the latest, come last. */
  readonly isReversed: boolean;
}

/** The entries that are asked for, in their order. */
export function select(entries: readonly CatalogueEntry[], selection: Selection): CatalogueEntry[] {
  const { sinceMs, untilMs, reason, experiment, sort, isReversed } = selection;
  const isSelected = (entry: CatalogueEntry) =>
    (sinceMs === undefined || (entry.startedMs ?? Number.NEGATIVE_INFINITY) >= sinceMs) &&
    (untilMs === undefined || (entry.startedMs ?? Number.POSITIVE_INFINITY) < untilMs) &&
    (reason === undefined || reasonOf(entry) === reason) &&
    (experiment === undefined || entry.experiment === experiment) &&
    (!selection.isUnsaved || isUnsaved(entry.state));
  const direction = isReversed ? -1 : 1;
  return entries.filter(isSelected).sort((a, b) => direction * compare(a, b, sort));
}

/** What is the reason of one that was cut off, whose container has died: it could not write another. */
export const CUT_OFF = 'cut-off';

/** Why a session ended; undefined: it runs, or nothing tells. */
export function reasonOf({ end, report, journals, state }: CatalogueEntry): string | undefined {
  if (end !== undefined || state === 'live') return end;
  const isCutOff = report === undefined ? journals.length > 0 : report.recoveredMs !== undefined;
  return isCutOff ? CUT_OFF : undefined;
}

function compare(a: CatalogueEntry, b: CatalogueEntry, sort: SortKey): number {
  const byKey = sort === 'session' ? 0 : (keyOf(b, sort) ?? -1) - (keyOf(a, sort) ?? -1);
  return byKey || compareTexts(b.session, a.session) || compareTexts(b.url, a.url);
}

function keyOf(entry: CatalogueEntry, sort: Exclude<SortKey, 'session'>): number | undefined {
  switch (sort) {
    case 'start':
      return entry.startedMs;
    case 'length':
      return entry.lengthMs;
    case 'size':
      return entry.bytes;
    case 'people':
      return entry.people;
    default:
      return sort satisfies never;
  }
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
