import type { Logger } from 'pino';
import type { ServermgrLimits, World } from '../../config/servermgr-config.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import type { Streams } from './event-stream.ts';

export interface AppOptions {
  readonly basePath: string;
  readonly fleet: Fleet;
  readonly savedSessions: SavedSessions;
  readonly worlds: readonly World[];
  readonly limits: ServermgrLimits;
  readonly trustedProxies: number;
  readonly secret: string;
  readonly adminToken: string | undefined;
  readonly launcher: string;
  readonly log: Logger;
}

export interface RouteTools extends AppOptions {
  readonly streams: Streams;
}
