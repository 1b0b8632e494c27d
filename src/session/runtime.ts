import type { SessionConfig } from '../config/session-config.ts';
import type { GameServer } from '../minecraft/game-server.ts';
import type { ServerStatus } from '../minecraft/ping.ts';
import type { PlayerMonitor } from '../minecraft/player-monitor.ts';
import type { Child } from '../process/child.ts';
import type { User } from '../process/user.ts';
import type { Log } from '../runtime/log.ts';
import type { Signals } from '../runtime/signals.ts';

export type Phase = 'setup' | 'starting' | 'playing' | 'stopping' | 'saving';

export interface PlayTools {
  readonly log: Log;
  readonly signals: Signals;
  /** Told what the session does from now on. */
  readonly enter: (phase: Phase) => void;
  /** Given the server's console once there is one. */
  readonly onConsole: (say: Child['sendCommand']) => void;
  /** Whom the children run as; undefined: as the supervisor does. */
  readonly user: User | undefined;
}

/** What is on the stage of a session: filled in as it goes forward, and told in the report. */
export interface Stage {
  readonly config: SessionConfig;
  readonly tools: PlayTools;
  readonly marker: string;
  readonly children: Child[];
  server?: Child;
  agent?: Child;
  game?: GameServer;
  /** What the server answered when it became ready. */
  status?: ServerStatus;
  players?: PlayerMonitor;
}
