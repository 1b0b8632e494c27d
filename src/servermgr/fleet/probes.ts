import type { SessionRunning } from '../launchers/launcher.ts';
import { type Observation, probeTarget } from './observation.ts';
import { type Probe, probe } from './probe.ts';

/** A session whose server is to be asked. */
export interface ProbeRequest {
  readonly id: string;
  readonly state: SessionRunning;
  readonly observation: Observation | undefined;
  /** So long after the last time. */
  readonly everyMs: number;
  /** Somebody waits for its answer: it is asked before all others. */
  readonly isUrgent: boolean;
}

/** Asks servers without being waited for, so many at a time: one that does not answer holds up no other. */
export interface Probes {
  /**
   * Asks those that are due: the urgent ones, then those that are the latest for what they are asked.
   * @param onResult called for each, when it has answered or not
   */
  ask(requests: readonly ProbeRequest[], onResult: (id: string, result: Probe) => void): void;
}

/** So many at least are asked at once, and this share of all: a round of a large fleet takes less than ten calls. */
const CONCURRENT_PROBES = 128;
const CONCURRENT_SHARE = 1 / 8;
/** A look that is a little early is due as well: timers are not exact. */
const EARLY_MS = 20;

/** @param closing ends those that are under way */
export function createProbes(closing: AbortSignal): Probes {
  const askedMs = new Map<string, number>();
  const asking = new Set<string>();

  return {
    ask(requests, onResult) {
      const nowMs = performance.now();
      const passedMs = ({ id }: ProbeRequest) => nowMs - (askedMs.get(id) ?? Number.NEGATIVE_INFINITY);
      const atOnce = Math.max(CONCURRENT_PROBES, Math.ceil(requests.length * CONCURRENT_SHARE));
      const due = requests
        .filter(request => !asking.has(request.id) && passedMs(request) >= request.everyMs - EARLY_MS)
        .map(request => ({ ...request, lateness: passedMs(request) / request.everyMs }))
        .sort((a, b) => Number(b.isUrgent) - Number(a.isUrgent) || compare(b.lateness, a.lateness))
        .slice(0, Math.max(0, atOnce - asking.size));
      for (const { id, state, observation } of due) {
        asking.add(id);
        askedMs.set(id, nowMs);
        probe(probeTarget(state, observation), closing)
          // It fails only when nobody waits for an answer any more.
          .then(
            result => onResult(id, result),
            () => undefined,
          )
          .finally(() => asking.delete(id));
      }
      const ids = new Set(requests.map(({ id }) => id));
      for (const id of askedMs.keys()) if (!ids.has(id)) askedMs.delete(id);
    },
  };
}

/** Two that were never asked are as late as one another: the difference of infinities is no number. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one - other;
}
