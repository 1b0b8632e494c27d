import { CHANGE_MS, judgeChanges, judgePages } from './judge-pages.ts';
import { shareOfCore } from './load.ts';
import type { Outcome } from './run.ts';
import { below, type Verdict } from './table.ts';

const CALLS_PER_LOOK = 30;
/** Half of what AWS allows an account: docs/decisions.md. */
const READS_PER_SECOND = 10;
/** 20 for people, and those for the reports of sessions that have just ended. */
const STORE_PER_SECOND = 30;
const SHARE = 1 / 3;
const BYTES = 300 * 1024 * 1024;

/** Compares what was measured with the limits. */
export function judge(outcome: Outcome): readonly Verdict[] {
  return [...judgeRequests(outcome), ...judgePages(outcome), ...judgeChanges(outcome), ...judgeLoad(outcome)];
}

function judgeRequests({ plan, moments }: Outcome): Verdict[] {
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
  const stored = sumOf(end.store) - sumOf(start.store);
  const reads = (requestsOf('ListTasks') + requestsOf('DescribeTasks')) / seconds;
  return [
    below('throttling answers, from the first request on', throttled, 0, String),
    below('calls for one look at all tasks', mostCalls, CALLS_PER_LOOK, String),
    below('ListTasks and DescribeTasks, a second', reads, READS_PER_SECOND, value => value.toFixed(1)),
    { what: 'requests a minute', limit: '', measured: perMinute.join(', '), isKept: calls.length > 0 },
    below(
      'time between two pings of one server, in quiet time',
      ((quiet.atMs - start.atMs) * plan.tasks) / (quiet.aws.pings - start.aws.pings),
      CHANGE_MS,
      value => `${(value / 1_000).toFixed(1)} s`,
    ),
    below('reads of the store, a second', stored / seconds, STORE_PER_SECOND, value => value.toFixed(1)),
  ];
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

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
