import type { Change } from './changes.ts';
import type { Outcome } from './run.ts';
import { below, type Verdict } from './table.ts';

/** A change is on the page by then; one that somebody waits for sooner. */
export const CHANGE_MS = 15_000;
const AWAITED_MS = 3_000;
/** `: still here`, every 20 seconds, and one at most at each end of the time. */
const HEARTBEAT_BYTES = 14;
const HEARTBEAT_MS = 20_000;

/** Whether pages say what is so, and nothing when nothing has changed. */
export function judgePages(outcome: Outcome): Verdict[] {
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

/** How soon changes were on the pages. */
export function judgeChanges({ changes }: Outcome): Verdict[] {
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
