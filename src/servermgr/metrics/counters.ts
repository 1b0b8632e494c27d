import { Counter, collectDefaultMetrics, Histogram, Registry } from '@prometheus-io/client';
import type { FleetCounts } from '../fleet/counts.ts';

/** What this instance has counted since its start. */
export interface Counters extends FleetCounts {
  readonly registry: Registry;
  /** The launcher has not done what it was asked for. @param operation e.g. `list` */
  launcherFault(operation: string): void;
}

/** A launch takes seconds on one machine, and minutes on ECS. */
const LAUNCH_BUCKETS_S = [1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 600];

/** How each metric says whose it is. */
const OWN = "This instance's own: add up all of them.";

export function createCounters(): Counters {
  const registry = new Registry();
  const registers = [registry];
  const launches = new Counter({
    name: 'servermgr_launches_total',
    help: `Requests for sessions, by what became of them. ${OWN}`,
    labelNames: ['result'],
    registers,
  });
  const launchSeconds = new Histogram({
    name: 'servermgr_launch_duration_seconds',
    help: `How long sessions took from the request until somebody could join. ${OWN}`,
    buckets: LAUNCH_BUCKETS_S,
    registers,
  });
  const ended = new Counter({
    name: 'servermgr_sessions_ended_total',
    help: `Sessions that have ended, by why: stopped by whom, failed (nobody could join), or by themselves. ${OWN}`,
    labelNames: ['reason'],
    registers,
  });
  const launcherFaults = new Counter({
    name: 'servermgr_launcher_faults_total',
    help: `What the launcher did not do, by what it was asked for; a lack of capacity is none. ${OWN}`,
    labelNames: ['operation'],
    registers,
  });
  const databaseFaults = new Counter({
    name: 'servermgr_database_faults_total',
    help: `How often the table of sessions could not be read, or written. ${OWN}`,
    labelNames: ['operation'],
    registers,
  });
  return {
    registry,
    launch: result => launches.inc({ result }),
    ready: ms => launchSeconds.observe(ms / 1_000),
    ended: reason => ended.inc({ reason }),
    launcherFault: operation => launcherFaults.inc({ operation }),
    databaseFault: operation => databaseFaults.inc({ operation }),
  };
}

/** Memory, processor, event loop and garbage collection of this process. */
export function countProcess(register: Registry): void {
  collectDefaultMetrics({ register });
}
