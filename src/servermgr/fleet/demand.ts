import type { FleetRecord } from '../database/records.ts';
import { isAlive } from '../launchers/launcher.ts';
import { ALL } from './attention.ts';

/** What is waited for, as far as visitors of any instance look on: it is looked at more often. */
export interface Demand {
  /** Somebody looks at it. */
  isLookedAt(id: string): boolean;
  /** Somebody waits for it: it is starting or ending. */
  isAwaited(record: FleetRecord): boolean;
  /** Whether anything is waited for, by somebody or by a rule. */
  isBusy(records: readonly FleetRecord[]): boolean;
}

/** @param watched ids of sessions, and `ALL` */
export function demandOf(watched: ReadonlySet<string>): Demand {
  const isLookedAt = (id: string) => watched.has(id) || watched.has(ALL);

  return {
    isLookedAt,
    isAwaited({ session, observation, stop, overMs }) {
      if (overMs !== undefined || !isLookedAt(session.id)) return false;
      return observation?.readyMs === undefined || observation.silentMs !== undefined || stop !== undefined;
    },
    isBusy: records =>
      watched.size > 0 ||
      records.some(({ session, observation }) => isAlive(session) && observation?.readyMs === undefined),
  };
}
