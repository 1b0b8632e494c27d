import type { Log } from '../runtime/log.ts';

/** An agent loads its models before it listens. */
const PATIENCE_MS = 60_000;

/** The agent's dashboard, to which people are led: whether they find anything there. */
export interface Dashboard {
  /**
   * @param listening the ports of this network namespace at which something listens
   * @param atMs on the clock of performance.now()
   */
  look(listening: ReadonlySet<number>, atMs?: number): void;
  /** The ports at which nothing listened at the last look. */
  silent(): number[];
  /** Those of them that have been silent for a minute. */
  missing(): number[];
}

/** A port that stays silent is told in the log, and that it listens after all. */
export function watchDashboard(
  ports: readonly number[],
  log: Log,
  startMs: number = performance.now(),
): Dashboard {
  const lastHeardMs = new Map(ports.map(port => [port, startMs]));
  const missing = new Set<number>();
  let silent: number[] = [];
  return {
    look(listening, atMs = performance.now()) {
      silent = ports.filter(port => !listening.has(port));
      for (const [port, heardMs] of lastHeardMs) {
        if (listening.has(port)) {
          lastHeardMs.set(port, atMs);
          if (missing.delete(port)) log.info({ event: 'dashboard_listens', port }, listens(port));
        } else if (atMs - heardMs >= PATIENCE_MS && !missing.has(port)) {
          missing.add(port);
          log.warn({ event: 'dashboard_missing', port }, `${describeSilent([port])} for a minute`);
        }
      }
    },
    silent: () => silent,
    missing: () => [...missing],
  };
}

/** A clause for people. */
export function describeSilent(ports: readonly number[]): string {
  return `nothing listens at the dashboard's ${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')}`;
}

function listens(port: number): string {
  return `the dashboard listens at port ${port}`;
}
