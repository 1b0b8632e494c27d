import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { parseServermgrConfig } from '../../../src/config/servermgr.ts';
import type { Database } from '../../../src/servermgr/database/database.ts';
import { openDatabase } from '../../../src/servermgr/database/open.ts';
import type { Fleet } from '../../../src/servermgr/fleet/fleet.ts';
import { createCounters } from '../../../src/servermgr/metrics/counters.ts';
import { openOperators } from '../../../src/servermgr/operators/operators.ts';
import { openSavedSessions } from '../../../src/servermgr/saved-sessions.ts';
import { openRecruitment } from '../../../src/servermgr/studies/recruitment.ts';
import { buildApp } from '../../../src/servermgr/web/app.ts';
import type { AppOptions } from '../../../src/servermgr/web/route-tools.ts';
import { openDirectoryStore } from '../../../src/store/directory.ts';
import { ADMIN_TOKEN } from './manager.ts';

export interface WebApp extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  /** Where sessions are saved. */
  readonly folder: string;
  /** Its log so far, a line each. */
  lines(): readonly Record<string, unknown>[];
  close(): Promise<void>;
}

/**
 * The pages alone, on a port of this machine, over a fleet that says what a test wants to hear.
 * @param says what it answers; it has no sessions, and everything else is a fault of the test
 * @param variables of the manager's
 * @param hooks what its webhooks answer
 */
export async function startWebApp(
  says: Partial<Fleet>,
  variables: Record<string, string> = {},
  hooks: Partial<AppOptions['webhooks']> = {},
): Promise<WebApp> {
  const folder = await mkdtemp(join(tmpdir(), 'web-app-'));
  const env = {
    SESSION_DESTINATION: folder,
    SERVERMGR_STATE: folder,
    SERVERMGR_ADMIN_TOKEN: ADMIN_TOKEN,
    ...variables,
  };
  const { config } = parseServermgrConfig(env, { cwd: folder, demo: undefined });
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: line => void lines.push(JSON.parse(line)) });
  const destination = openDirectoryStore(folder);
  const database = await openDatabase(config.database, 'tests');
  const savedSessions = openSavedSessions(destination, log);
  const operators = openOperators({ database, destination, savedSessions, settings: config.session, log });
  const fleet = { ...SILENT_FLEET, ...says };
  const recruitment = openRecruitment({
    ...{ database, fleet, prolific: undefined, longestMs: config.session.maxDurationMs },
    ...{ secret: SECRET, log },
  });
  const app = await buildApp({
    ...config,
    ...{ fleet, database, recruitment, mturk: config.studies.mturk },
    webhooks: {
      recent: async () => [],
      sendAgain: unexpected,
      counts: async () => ({ pending: 0, delivered: 0, failed: 0 }),
      ...hooks,
    },
    ...{ savedSessions, operators },
    registry: createCounters().registry,
    secret: SECRET,
    launcher: 'local',
    log,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: `${url}${config.basePath}`,
    ...{ database, folder },
    lines: () => lines,
    close: () => app.close(),
    async [Symbol.asyncDispose]() {
      await app.close();
      await recruitment.close();
      await operators.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const unexpected = () => Promise.reject(new Error('the test does not expect that'));

const SECRET = 's'.repeat(32);

const SILENT_FLEET: Fleet = {
  snapshot: async () => ({ views: [], fault: undefined }),
  look: async () => undefined,
  peek: () => undefined,
  freePlaces: () => 0,
  remember: async () => undefined,
  launch: unexpected,
  usual: () => ({ readyAfterMs: undefined, version: undefined }),
  spending: async () => undefined,
  stop: unexpected,
  stopAll: unexpected,
  recover: unexpected,
  recovery: async () => undefined,
  launchFault: () => undefined,
  subscribe: () => () => undefined,
  known: () => [],
  isObserver: () => true,
  close: async () => undefined,
};
