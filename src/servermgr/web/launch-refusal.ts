import type { LaunchResult } from '../fleet/fleet.ts';
import { momentText } from './labels.ts';

/** A launch request that leads to no session. */
export type RefusedLaunch = Exclude<LaunchResult, { readonly id: string }>;

/** What somebody is told whose launch request was refused. */
export interface Refusal {
  /** Of HTTP. */
  readonly status: number;
  readonly title: string;
  readonly text: string;
  /** When the same request may succeed; undefined: never. */
  readonly retryAfterSeconds: number | undefined;
}

/** Sessions last for minutes, so that an earlier retry is of little use. */
const SOON_S = 60;
/** For what is counted by the day. */
const LATER_S = 3_600;

/** Why there is no session, in plain words. */
export function explainRefusal(result: RefusedLaunch, nowMs: number): Refusal {
  switch (result.kind) {
    case 'full':
      return {
        ...{ status: 503, title: 'All places are taken', retryAfterSeconds: SOON_S },
        text: `${result.limit} sessions are running, which is all that there is room for. One ends every few minutes: try again soon.`,
      };
    case 'network-full':
      return {
        ...{ status: 429, title: 'Your network has all its places', retryAfterSeconds: SOON_S },
        text: `${countOf(result.limit, 'session')} from your network may run at once, and so many do. When one of them ends, you can start yours.`,
      };
    case 'network-spent':
      return {
        ...{ status: 429, title: 'Enough for today', retryAfterSeconds: LATER_S },
        text: `${countOf(result.limit, 'session')} a day may be started from your network, and so many were. Try again tomorrow, or from elsewhere.`,
      };
    case 'over-budget':
      return {
        ...{ status: 503, title: 'Enough for today' },
        text: `The budget of this day is used up. Sessions can be started again from ${momentText(result.untilMs)} on.`,
        retryAfterSeconds: Math.max(1, Math.ceil((result.untilMs - nowMs) / 1_000)),
      };
    case 'no-capacity':
      return {
        ...{ status: 503, title: 'No machine could be found', retryAfterSeconds: SOON_S },
        text: `Your server was not started: ${result.why}. Try again in a few minutes.`,
      };
    case 'paused':
      return {
        ...{ status: 503, title: 'Nothing can be started just now', retryAfterSeconds: SOON_S },
        text: 'The list of sessions cannot be reached. Those that run go on; try again in a minute.',
      };
    case 'unknown-world':
      return {
        ...{ status: 400, title: 'That world does not exist', retryAfterSeconds: undefined },
        text: 'Go back, and choose one of those that do.',
      };
    case 'unknown-agent':
      return {
        ...{ status: 400, title: 'That agent does not exist', retryAfterSeconds: undefined },
        text: 'What has led you here is not set up rightly: tell whoever has sent you.',
      };
    default:
      return result satisfies never;
  }
}

function countOf(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}
