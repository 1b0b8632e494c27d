import type { GameServer } from '../minecraft/game-server.ts';
import type { ServerStatus } from '../minecraft/ping.ts';
import type { PlayerMonitor } from '../minecraft/player-monitor.ts';
import type { Child } from '../process/child.ts';
import type { Dashboard } from './dashboard.ts';
import type { EndReason } from './end-reason.ts';

/** The processes of a session, and what is known of them: filled in by start-processes.ts as they are started. */
export interface SessionProcesses {
  /** The value of the marker variable in their environments. */
  readonly marker: string;
  readonly children: Child[];
  server?: Child;
  agent?: Child;
  gameServer?: GameServer;
  /** What the server answered when it became ready. */
  serverStatus?: ServerStatus;
  monitor?: PlayerMonitor;
  dashboard?: Dashboard;
  /** When the session ends, on the clock of performance.now(), once people have been told so. */
  endsAtMs?: number;
}

/** Server and agent run, and people are counted. */
export interface RunningProcesses {
  readonly state: 'running';
  readonly server: Child;
  /** undefined: people play alone. */
  readonly agent: Child | undefined;
  readonly monitor: PlayerMonitor;
}

/** How far the start of the processes came. */
export type Startup = RunningProcesses | { readonly state: 'failed'; readonly end: EndReason };
