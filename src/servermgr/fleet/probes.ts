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
}

/** Asks servers without being waited for, so many at a time: one that does not answer holds up no other. */
export interface Probes {
  /** Asks those that are due, the longest overdue first. @param onResult called for each, when it has answered or not */
  ask(requests: readonly ProbeRequest[], onResult: (id: string, result: Probe) => void): void;
}

const CONCURRENT_PROBES = 64;
/** A look that is a little early is due as well: timers are not exact. */
const EARLY_MS = 20;

/** @param closing ends those that are under way */
export function createProbes(closing: AbortSignal): Probes {
  const askedMs = new Map<string, number>();
  const asking = new Set<string>();

  return {
    ask(requests, onResult) {
      const nowMs = performance.now();
      const lateMs = ({ id, everyMs }: ProbeRequest) =>
        nowMs - (askedMs.get(id) ?? Number.NEGATIVE_INFINITY) - everyMs + EARLY_MS;
      const due = requests
        .filter(request => !asking.has(request.id) && lateMs(request) >= 0)
        .sort((a, b) => lateMs(b) - lateMs(a))
        .slice(0, CONCURRENT_PROBES - asking.size);
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
