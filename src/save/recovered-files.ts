import type * as v from 'valibot';
import type { CappedListSummary } from '../archive/skipped.ts';
import type { Recovered } from '../journal/reader/rebuild.ts';
import type { WriteSummary } from '../journal/reader/write-files.ts';
import type { RecoveredFiles } from '../report/schema.ts';

/** Of each kind so many are named. */
const NAMED = 200;
/** And so many in a line for a person. */
const NAMED_IN_LINE = 5;

interface Capped<Item> {
  readonly total: number;
  readonly first: readonly Item[];
}

/** What a report tells of files that did not come back as they were. */
export function recoveredFiles({
  truncated,
  superseded,
  changedWhileRead,
  displaced,
  missing,
  gaps,
  nearestTime,
}: WriteSummary): v.InferOutput<typeof RecoveredFiles> {
  const capped = <Item>(items: readonly Item[]) => ({ total: items.length, first: items.slice(0, NAMED) });
  return {
    truncated: capped(truncated),
    superseded: capped(superseded),
    changedWhileRead: capped(changedWhileRead),
    displaced: capped(displaced),
    missing: capped(missing),
    gaps: capped(gaps),
    nearestTime: capped(nearestTime),
  };
}

/** What a recovery has to tell a person: a line for each problem, and for each kind of files of which there are any. */
export function describeRecovery({ problems, waiting, files, notPacked }: Findings): string[] {
  const ofSegments = problems.map(({ segment, why }) => `${segment}: ${why}`);
  const late = { total: waiting.files, first: waiting.paths };
  const others = [
    describe('that changed after what is here of them', late, String),
    notPacked && describe('that could not be packed', notPacked, ({ path, why }) => `${path} (${why})`),
  ];
  return [...ofSegments, ...others, ...(files ? describeFiles(files) : [])].filter(
    line => line !== undefined,
  );
}

type Findings = Pick<Recovered, 'problems' | 'waiting'> & {
  readonly files?: v.InferOutput<typeof RecoveredFiles> | undefined;
  readonly notPacked?: CappedListSummary | undefined;
};

/** Reports of earlier versions do not tell. */
const NONE = { total: 0, first: [] };

function describeFiles(files: v.InferOutput<typeof RecoveredFiles>) {
  const { truncated, superseded, changedWhileRead, displaced, missing, gaps, nearestTime } = files;
  return [
    describe('without the last bytes', truncated, ({ path, missingBytes }) => `${path} (${missingBytes})`),
    describe('as of before the last change', superseded, String),
    describe('written to while being read', changedWhileRead, String),
    describe('beside the original', displaced, ({ path }) => path),
    describe('missing', missing, String),
    describe('with the nearest time that a journal keeps', nearestTime ?? NONE, String),
    describe('with bytes missing', gaps, ({ path, from, to }) => `${path} (${from} to ${to})`),
  ];
}

/** Such as `3 files missing: a, b, c`; undefined: there are none. */
function describe<Item>(
  what: string,
  { total, first }: Capped<Item>,
  text: (item: Item) => string,
): string | undefined {
  if (total === 0) return undefined;
  const named = first.slice(0, NAMED_IN_LINE).map(text);
  const more = total > named.length ? ` and ${total - named.length} more` : '';
  return `${total === 1 ? '1 file' : `${total} files`} ${what}: ${named.join(', ')}${more}`;
}
