import { type Selection, SORT_KEYS, type SortKey } from '../catalogue/select.ts';
import { parseArguments, UsageError } from './arguments.ts';

/** What `ls` is asked for. */
export interface LsOptions extends Selection {
  /** As it was given. */
  readonly destination: string;
  readonly format: 'table' | 'csv' | 'json';
  /** undefined: as many as fit the reader, see ls.ts. */
  readonly limit: number | undefined;
  /** The name of the last session of the page before. */
  readonly after: string | undefined;
}

const OPTIONS = {
  since: { type: 'string' },
  until: { type: 'string' },
  reason: { type: 'string' },
  experiment: { type: 'string' },
  unsaved: { type: 'boolean', default: false },
  sort: { type: 'string', default: 'start' },
  reverse: { type: 'boolean', default: false },
  limit: { type: 'string' },
  after: { type: 'string' },
  csv: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/**
 * Reads the command line of `ls`.
 * @param nowMs what durations are counted back from, in milliseconds since the epoch
 * @throws {UsageError} with what to write instead
 */
export function readLsOptions(args: readonly string[], nowMs: number): LsOptions {
  const { values, positionals } = parseArguments(args, OPTIONS, ['<destination>']);
  const { since, until, reason, experiment, after, limit, csv, json } = values;
  if (csv && json) throw new UsageError('--csv and --json are two formats: give one of them');
  return {
    destination: positionals[0] ?? '',
    sinceMs: since === undefined ? undefined : momentOf('--since', since, nowMs),
    untilMs: until === undefined ? undefined : momentOf('--until', until, nowMs),
    ...{ reason, experiment, after },
    isUnsaved: values.unsaved,
    sort: sortKeyOf(values.sort),
    isReversed: values.reverse,
    limit: limit === undefined ? undefined : countOf(limit),
    format: csv ? 'csv' : json ? 'json' : 'table',
  };
}

const DATE = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?$/;
const AGO = /^(\d+)(m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment as somebody writes it.
 * @param option for the error
 * @returns milliseconds since the epoch
 * @throws {UsageError}
 */
export function momentOf(option: string, text: string, nowMs: number): number {
  const [, count, unit = ''] = AGO.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (UNIT_MS[unit] ?? 0);
  const hasZone = DATE.test(text) || /(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = DATE.test(text) || TIME.test(text) ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN;
  if (Number.isNaN(ms))
    throw new UsageError(
      `${option} ${JSON.stringify(text)} is no time: write 2026-11-01, 2026-11-01T12:30 (UTC), or 36h or 7d for so long ago`,
    );
  return ms;
}

function sortKeyOf(text: string): SortKey {
  const key = SORT_KEYS.find(each => each === text);
  if (key === undefined)
    throw new UsageError(`--sort ${JSON.stringify(text)} is unknown: write ${SORT_KEYS.join(', ')}`);
  return key;
}

function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(`--limit ${JSON.stringify(text)} is no number: write how many, or 0 for all`);
  return Number(text) || Number.POSITIVE_INFINITY;
}
