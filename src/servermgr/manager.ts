import type { Logger } from 'pino';
import type { ServermgrConfig } from '../config/servermgr-config.ts';
import type { Environment, S3Config } from '../config/session-config.ts';
import { openStore } from '../store/open.ts';
import { logRetries } from '../store/retry-log.ts';
import { openFleet } from './fleet/fleet.ts';
import { openLauncher } from './launchers/open.ts';
import { openPresigner } from './presign.ts';
import { openArchives } from './saved-sessions.ts';
import { keptSecret } from './secret.ts';
import { buildApp } from './web/app.ts';

export interface Manager {
  /** Where its pages are. */
  readonly url: string;
  /** Closes the pages. Sessions play on, and are found again at the next start. */
  close(): Promise<void>;
}

/** Opens everything, in the order in which it leans on one another, and serves the pages. */
export async function startManager(
  config: ServermgrConfig,
  { log, env }: { readonly log: Logger; readonly env: Environment },
): Promise<Manager> {
  const { session, limits, worlds, trustedProxies, adminToken } = config;
  const secret = config.secret ?? (await keptSecret(config.stateFolder));
  const launcher = await openLauncher(config, env);
  const s3: S3Config = { pathStyle: session.pathStyle, encryption: undefined, expectedOwner: undefined };
  const archives = openArchives(await openStore(session.destination, { s3, ...logRetries(log) }));
  const presigner =
    session.destination.kind === 's3' ? openPresigner(session.destination, session) : undefined;
  const fleet = openFleet({ launcher, archives, limits, worlds, session, log });
  const app = await buildApp({
    ...{ fleet, archives, presigner, worlds, limits, trustedProxies, secret, adminToken, log },
    launcher: launcher.kind,
  });
  const listening = await app.listen(config.listen);
  return {
    url: listening,
    async close() {
      await app.close();
      await fleet.close();
      launcher.close();
      presigner?.close();
      archives.close();
    },
  };
}
