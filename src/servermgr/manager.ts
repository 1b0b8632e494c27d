import { access, constants, mkdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { ServermgrConfig } from '../config/servermgr-config.ts';
import type { Environment, S3Config } from '../config/session-config.ts';
import { openStore } from '../store/open.ts';
import { logRetries } from '../store/retry-log.ts';
import { openDatabase } from './database/open.ts';
import { openFleet } from './fleet/fleet.ts';
import { openLauncher } from './launchers/open.ts';
import { countedLauncher } from './metrics/counted-launcher.ts';
import { createCounters } from './metrics/counters.ts';
import { openOperators } from './operators/operators.ts';
import { openSavedSessions } from './saved-sessions.ts';
import { loadOrCreateSecret } from './secret.ts';
import { listenFault, stateFault } from './start-fault.ts';
import { createProlific } from './studies/prolific.ts';
import { openRecruitment } from './studies/recruitment.ts';
import { buildApp } from './web/app.ts';
import { openWebhooks } from './webhooks/webhooks.ts';

export interface Manager {
  /** The URL of the start page. */
  readonly url: string;
  /** Ends the web server. Sessions keep running, and are listed again after the next start. */
  close(): Promise<void>;
}

/**
 * Opens the launcher, the destination, the fleet and, last, the web server.
 * @throws {StartFault} when what it is set up with cannot work here
 */
export async function startManager(
  config: ServermgrConfig,
  { log, env }: { readonly log: Logger; readonly env: Environment },
): Promise<Manager> {
  const { basePath, session, limits, worlds, agents, trustedProxies, adminToken } = config;
  const needsFolder = config.database.kind === 'sqlite' || config.launcher.kind === 'local';
  if (config.secret === undefined || needsFolder) await openState(config.stateFolder);
  const secret = config.secret ?? (await loadOrCreateSecret(config.stateFolder));
  const counters = createCounters();
  const launcher = countedLauncher(await openLauncher(config, { env, log }), counters);
  const { pathStyle } = session;
  const s3: S3Config = { pathStyle, encryption: undefined, expectedOwner: undefined, proxy: config.proxy };
  const store = await openStore(session.destination, { s3, ...logRetries(log) });
  const savedSessions = openSavedSessions(store, log);
  const database = await openDatabase(config.database, config.name);
  const fleet = await openFleet({
    ...{ database, launcher, savedSessions, limits, worlds, agents, session, secret, log },
    counts: counters,
  });
  const webhooks = await openWebhooks({ database, fleet, settings: config.webhooks, session, secret, log });
  const prolific =
    config.studies.prolific && createProlific({ ...config.studies.prolific, proxy: config.proxy, log });
  const longestMs = session.maxDurationMs;
  const recruitment = openRecruitment({ database, fleet, prolific, longestMs, secret, log });
  const operators = openOperators({ database, destination: store, savedSessions, settings: session, log });
  const app = await buildApp({
    ...{ basePath, database, fleet, recruitment, savedSessions, operators, webhooks, worlds, agents, limits },
    ...{ mturk: config.studies.mturk, trustedProxies, secret, adminToken, log },
    ...{ launcher: launcher.kind, registry: counters.registry, metricsToken: config.metricsToken },
  });
  const close = async () => {
    await app.close();
    await recruitment.close();
    await webhooks.close();
    await fleet.close();
    await operators.close();
    await database.close();
    launcher.close();
    savedSessions.close();
  };
  try {
    return { url: `${await app.listen({ ...config.listen })}${basePath}`, close };
  } catch (error) {
    await close();
    throw listenFault(config.listen.host, config.listen.port, error);
  }
}

/** @throws {StartFault} when nothing can be written there */
async function openState(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw stateFault(folder, error);
  }
}
