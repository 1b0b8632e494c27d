import type { FleetRecord } from '../database/records.ts';
import { minecraftVersion } from './observation.ts';
import type { Usual } from './usual.ts';

export interface LaunchHistory {
  /** Takes in a session, of which it keeps the latest. */
  note(record: FleetRecord): void;
  /** @param worlds of one that is not known the others tell, if they agree */
  usual(worlds: readonly string[]): Usual;
}

/** So many launches are remembered. */
export const LATELY = 50;
/** Fewer say nothing about the next one. */
const ENOUGH = 3;
/** It is for people: nobody is told of a change that is smaller. */
const ROUNDED_MS = 5_000;

interface Launch {
  readonly world: string;
  readonly requestedMs: number;
  /** undefined: nobody has seen how long it took. */
  readonly tookMs: number | undefined;
  readonly version: string | undefined;
}

export function createLaunchHistory(): LaunchHistory {
  const launches = new Map<string, Launch>();
  /** The newest first; undefined: something is new. */
  let sorted: readonly Launch[] | undefined;
  let readyAfterMs: number | undefined;

  function latest(): readonly Launch[] {
    if (sorted === undefined) {
      sorted = [...launches.values()].sort((a, b) => b.requestedMs - a.requestedMs);
      readyAfterMs = usualTime(sorted);
    }
    return sorted;
  }

  return {
    note({ session: { id, world }, observation, requestedMs }) {
      if (observation?.readyMs === undefined) return;
      const { fromStart, readyMs } = observation;
      const version = minecraftVersion(observation);
      const known = launches.get(id);
      if (known !== undefined && known.version === version) return;
      launches.set(id, {
        world,
        requestedMs,
        tookMs: fromStart ? readyMs - requestedMs : undefined,
        version,
      });
      sorted = undefined;
      if (launches.size <= LATELY) return;
      const [oldest] = [...launches].sort(([, a], [, b]) => a.requestedMs - b.requestedMs);
      if (oldest !== undefined) launches.delete(oldest[0]);
    },

    usual(worlds) {
      const known = latest().filter(({ version }) => version !== undefined);
      const ofAll = theOne(known.map(({ version }) => version));
      const ofThese = worlds.map(world => known.find(each => each.world === world)?.version ?? ofAll);
      return { readyAfterMs, version: theOne(ofThese) };
    },
  };
}

/** What all of them are; undefined: they differ. */
function theOne<T>(values: readonly T[]): T | undefined {
  const [first, ...others] = new Set(values);
  return others.length === 0 ? first : undefined;
}

/** Their median. */
function usualTime(launches: readonly Launch[]): number | undefined {
  const times = launches.flatMap(({ tookMs }) => tookMs ?? []).sort((a, b) => a - b);
  const [lower, upper] = [times[Math.floor((times.length - 1) / 2)], times[Math.floor(times.length / 2)]];
  if (times.length < ENOUGH || lower === undefined || upper === undefined) return undefined;
  return Math.max(1, Math.round((lower + upper) / 2 / ROUNDED_MS)) * ROUNDED_MS;
}
