import type { Change } from './changes.ts';
import { shareOfCore } from './load.ts';
import type { Outcome } from './run.ts';

/** One line of the table. */
export interface Verdict {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly isKept: boolean;
}

const AWAITED_MS = 3_000;
const CHANGE_MS = 15_000;
const CALLS_PER_LOOK = 30;
/** Half of what AWS allows an account: docs/decisions.md. */
const READS_PER_SECOND = 10;
const SHARE = 1 / 3;
const BYTES = 300 * 1024 * 1024;
/** `: still here`, every 20 seconds, and one at most at each end of the time. */
const HEARTBEAT_BYTES = 14;
const HEARTBEAT_MS = 20_000;

/** Compares what was measured with the limits. */
export function judge(outcome: Outcome): readonly Verdict[] {
  return [...judgeRequests(outcome), ...judgePages(outcome), ...judgeChanges(outcome), ...judgeLoad(outcome)];
}

function judgeRequests({ moments }: Outcome): Verdict[] {
  const [start, quiet, , end] = moments;
  const throttled = Object.values(end.aws.counts).reduce((sum, count) => sum + count.throttled, 0);
  const looks = end.aws.looks.slice(start.aws.looks.length, quiet.aws.looks.length);
  const calls = looks.slice(1).map((reads, index) => reads - (looks[index] ?? 0));
  const mostCalls = Math.max(...calls);
  const seconds = (end.atMs - start.atMs) / 1_000;
  const requestsOf = (operation: string) =>
    (end.aws.counts[operation]?.requests ?? 0) - (start.aws.counts[operation]?.requests ?? 0);
  const perMinute = Object.keys(end.aws.counts).map(
    operation => `${operation} ${Math.round((requestsOf(operation) / seconds) * 60)}`,
  );
  const reads = (requestsOf('ListTasks') + requestsOf('DescribeTasks')) / seconds;
  return [
    below('throttling answers, from the first request on', throttled, 0, String),
    below('calls for one look at all tasks', mostCalls, CALLS_PER_LOOK, String),
    below('ListTasks and DescribeTasks, a second', reads, READS_PER_SECOND, value => value.toFixed(1)),
    { what: 'requests a minute', limit: '', measured: perMinute.join(', '), isKept: calls.length > 0 },
  ];
}

function judgePages(outcome: Outcome): Verdict[] {
  const { plan, moments, quietEvents, throttledEvents, lastEvents, quietBytes, lost } = outcome;
  const [start, quiet] = moments;
  const heartbeats = Math.floor((quiet.atMs - start.atMs) / HEARTBEAT_MS) + 1;
  const wrong = throttledEvents.filter(({ view }) => view.phase !== 'ready' || view.address === '');
  const stale = lastEvents.filter(({ view }) => view.known !== '' || view.phase !== 'ready');
  const refused = (moments[3].aws.refused ?? 0) - moments[2].aws.refused;
  return [
    below('events of unchanged pages, in quiet time', quietEvents.length, 0, String),
    below(
      'bytes to each of these pages: heartbeats',
      quietBytes / lastEvents.length,
      heartbeats * HEARTBEAT_BYTES,
      value => value.toFixed(0),
    ),
    below('streams that were lost', lost.length, 0, String),
    {
      what: `pages that lose address or phase while ECS throttles for ${plan.throttledMs / 1_000} s`,
      limit: '0',
      measured: `${wrong.length} (${refused} answers throttled)`,
      isKept: wrong.length === 0 && refused > 0,
    },
    below('pages that are not as they were after that', stale.length, 0, String),
  ];
}

function judgeChanges({ changes }: Outcome): Verdict[] {
  return [...Map.groupBy(changes, ({ what }) => what)].map(([what, made]) => {
    const limitMs = made[0]?.isAwaited ? AWAITED_MS : CHANGE_MS;
    const missing = made.filter(({ tookMs }) => tookMs === undefined).length;
    return {
      what: `${what}, until it is on the page (${made.length})`,
      limit: `≤ ${limitMs / 1_000} s`,
      measured: `${timesText(made)}${missing > 0 ? `, ${missing} never` : ''}`,
      isKept: made.every(({ tookMs }) => tookMs !== undefined && tookMs <= limitMs),
    };
  });
}

function timesText(changes: readonly Change[]): string {
  const times = changes.flatMap(({ tookMs }) => tookMs ?? []).sort((a, b) => a - b);
  const seconds = (ms = Number.NaN) => (ms / 1_000).toFixed(1);
  return `${seconds(times[Math.floor(times.length / 2)])} s, at most ${seconds(times.at(-1))} s`;
}

function judgeLoad({ moments, observing }: Outcome): Verdict[] {
  const [start, , , end] = moments;
  return end.loads.flatMap((load, index) => {
    const before = start.loads[index];
    if (before === undefined) return [];
    const who = `instance ${index + 1}${observing[index] ? ', which observes' : ''}`;
    return [
      below(
        `${who}: share of one core`,
        shareOfCore(before, load),
        SHARE,
        value => `${(value * 100).toFixed(1)} %`,
      ),
      below(`${who}: most memory`, load.mostBytes, BYTES, value => `${(value / 1_048_576).toFixed(0)} MiB`),
    ];
  });
}

function below(what: string, measured: number, limit: number, text: (value: number) => string): Verdict {
  return { what, limit: `≤ ${text(limit)}`, measured: text(measured), isKept: measured <= limit };
}

/** The table, a line for each. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const lines = [{ what: 'what', limit: 'limit', measured: 'measured', isKept: true }, ...verdicts].map(
    ({ what, limit, measured, isKept }, index) => [
      what,
      limit,
      index === 0 ? 'ok' : isKept ? 'yes' : 'NO',
      measured,
    ],
  );
  const widths = [0, 1, 2].map(column => Math.max(...lines.map(line => line[column]?.length ?? 0)));
  return lines
    .map(line =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
