import type { AwsPlan } from './aws-server.ts';

/** What is wrong with the simulated AWS. Shares are from 0 to 1. */
export interface AwsTrouble {
  /** Of the requests, which are throttled. */
  readonly throttled: number;
  /** Of the answers, of which nothing is heard: what was asked for is done. */
  readonly lost: number;
  /** Of the launches, which find no machine. */
  readonly lacking: number;
  /** Of the tasks, which lists leave out: always the same ones. */
  readonly omitted: number;
  /** A task is listed so late. */
  readonly lateMs: number;
  /** Tasks are described as they were so long ago. */
  readonly staleMs: number;
  /** Nobody is there. */
  readonly away: boolean;
}

export const NO_TROUBLE: AwsTrouble = {
  ...{ throttled: 0, lost: 0, lacking: 0, omitted: 0, lateMs: 0, staleMs: 0, away: false },
};

/** ECS's words for it. */
const LACK =
  'Capacity is unavailable at this time. Please try again later or in a different availability zone';

/** A plan whose troubles can be told at any time. */
export function withTrouble(plan: AwsPlan): { readonly plan: AwsPlan; tell(trouble: AwsTrouble): void } {
  let now = NO_TROUBLE;
  const happens = (share: number) => Math.random() < share;
  return {
    plan: {
      ...plan,
      get listedMs() {
        return Math.max(plan.listedMs ?? 0, now.lateMs);
      },
      get staleMs() {
        return now.staleMs;
      },
      throttles: () => happens(now.throttled),
      loses: operation => happens(now.lost) || plan.loses?.(operation) === true,
      refuse: () => (happens(now.lacking) ? LACK : undefined),
      omits: ({ taskArn }) => Number.parseInt(taskArn.slice(-4), 16) / 0x1_0000 < now.omitted,
      isAway: () => now.away,
    },
    tell(trouble) {
      now = trouble;
    },
  };
}
