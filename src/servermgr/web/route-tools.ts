import type { Registry } from '@prometheus-io/client';
import type { Logger } from 'pino';
import type { Agent, MturkOrigins, ServermgrLimits, World } from '../../config/servermgr-config.ts';
import type { Database } from '../database/database.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Operators } from '../operators/operators.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import type { Recruitment } from '../studies/recruitment.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { Streams } from './event-stream.ts';

export interface AppOptions {
  readonly basePath: string;
  readonly fleet: Fleet;
  readonly recruitment: Recruitment;
  readonly database: Database;
  readonly savedSessions: SavedSessions;
  readonly operators: Operators;
  readonly webhooks: Pick<Webhooks, 'recent' | 'sendAgain' | 'counts'>;
  readonly worlds: readonly World[];
  readonly agents: readonly Agent[];
  readonly mturk: MturkOrigins;
  readonly limits: ServermgrLimits;
  readonly trustedProxies: number;
  readonly secret: string;
  readonly adminToken: string | undefined;
  readonly metricsToken: string | undefined;
  /** What is counted. */
  readonly registry: Registry;
  readonly launcher: string;
  readonly log: Logger;
}

export interface RouteTools extends AppOptions {
  readonly streams: Streams;
}
