import type { ServermgrLimits, SessionSettings, World } from '../../config/servermgr-config.ts';
import { timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import { identityFields } from '../launchers/identity.ts';
import {
  isAlive,
  type Launcher,
  type LaunchRequest,
  NoCapacityError,
  requestedSession,
  type Session,
} from '../launchers/launcher.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import { idempotencyKey, nameOf, newId, visitorHash } from '../session-id.ts';
import { createMonitor, type Monitor } from './monitor.ts';
import type { SessionView } from './view.ts';

export interface FleetOptions {
  readonly launcher: Launcher;
  readonly savedSessions: SavedSessions;
  readonly limits: Pick<ServermgrLimits, 'fleet' | 'launchTimeoutMs'>;
  readonly worlds: readonly World[];
  readonly session: SessionSettings;
  readonly log: Log;
}

/** What the start page's form sends. */
export interface LaunchForm {
  /** The visitor's secret, out of the cookie. */
  readonly visitor: string;
  /** One for each page: the same for a double click, and for a repeat after a lost answer. */
  readonly token: string;
  readonly world: string;
}

/** What became of a launch request. */
export type LaunchResult =
  | { readonly kind: 'launched'; readonly id: string }
  /** The visitor has this session already. */
  | { readonly kind: 'already-running'; readonly id: string }
  | { readonly kind: 'full'; readonly limit: number }
  | { readonly kind: 'unknown-world' }
  | { readonly kind: 'no-capacity'; readonly why: string };

export interface Fleet extends Pick<Monitor, 'snapshot' | 'subscribe' | 'close'> {
  /** @throws the launcher's error, unless it is a lack of capacity. */
  launch(form: LaunchForm): Promise<LaunchResult>;
  /** Requests a session's end; does nothing for one that is ending or has ended. */
  stop(view: SessionView, why: 'admin' | 'visitor'): Promise<void>;
  /** Starts the recovery of a session; does not wait for it. */
  recover(name: string): Promise<void>;
}

/** How old the list of sessions may be for a launch; what this instance has launched since then counts anyway. */
const LAUNCH_SNAPSHOT_AGE_MS = 2_000;
const STORE_TIMEOUT_MS = 10_000;

/** All sessions of one launcher: launches, stops and recovers them within the fleet's limits. */
export function openFleet(options: FleetOptions): Fleet {
  const { launcher, savedSessions, limits, worlds, session, log } = options;
  const monitor = createMonitor({ ...options, relaunch });

  async function launch({ visitor, token, world: worldId }: LaunchForm): Promise<LaunchResult> {
    const world = worlds.find(({ id }) => id === worldId);
    if (world === undefined) return { kind: 'unknown-world' };
    const { fault } = await monitor.snapshot(LAUNCH_SNAPSHOT_AGE_MS);
    if (fault !== undefined) {
      return { kind: 'no-capacity', why: 'what is running cannot be looked up just now' };
    }

    // No await from here to addPending: of many requests at once, each counts the ones before it.
    const key = idempotencyKey(visitor, token);
    const owner = visitorHash(visitor);
    const sessions = monitor.sessions();
    const known = sessions.find(one => one.idempotencyKey === key);
    if (known !== undefined) return { kind: 'launched', id: known.id };
    const alive = sessions.filter(isAlive);
    const own = alive.find(one => one.visitorHash === owner);
    if (own !== undefined) return { kind: 'already-running', id: own.id };
    if (alive.length >= limits.fleet) return { kind: 'full', limit: limits.fleet };
    const id = newId(Date.now());
    return start({
      ...{ id, idempotencyKey: key, visitorHash: owner, world: world.id, attempt: 1 },
      ...{ name: nameOf(id) ?? id, env: { ...session.env, ...world.env } },
    });
  }

  /** A launch that lacked capacity is repeated with the same id and idempotency key. */
  async function relaunch(failed: Session): Promise<void> {
    const world = worlds.find(({ id }) => id === failed.world);
    if (world === undefined) return;
    await start({
      ...{ ...identityFields(failed), attempt: failed.attempt + 1 },
      ...{ name: nameOf(failed.id) ?? failed.id, env: { ...session.env, ...world.env } },
    });
  }

  async function start(request: LaunchRequest): Promise<LaunchResult> {
    const { id, name, world, attempt } = request;
    monitor.addPending(requestedSession(request, ''));
    try {
      const started = await launcher.launch(request);
      if (started.id !== id) monitor.removePending(id);
      monitor.addPending(started);
      log.info(
        { event: 'session_launched', session: name, where: started.where, world, attempt },
        'session launched',
      );
      return { kind: 'launched', id: started.id };
    } catch (error) {
      monitor.removePending(id);
      log.warn({ event: 'launch_failed', err: error, session: name, attempt }, 'launch failed');
      if (error instanceof NoCapacityError) return { kind: 'no-capacity', why: error.message };
      throw error;
    }
  }

  return {
    snapshot: monitor.snapshot,
    launch,
    async stop(view, why) {
      const found = monitor.sessions().find(({ id }) => id === view.id);
      if (found === undefined || !isAlive(found) || found.state.phase === 'ending') return;
      log.info({ event: 'session_stop_requested', session: view.name, why }, `stop requested by ${why}`);
      await launcher.stop(found, why);
      await monitor.snapshot(0);
    },
    async recover(name) {
      log.info({ event: 'recovery_requested', session: name }, 'recovery requested');
      const known = monitor.sessions().find(({ id }) => nameOf(id) === name);
      const force = known !== undefined && !isAlive(known);
      const folder = await savedSessions.folderOf(name, timeoutSignal(STORE_TIMEOUT_MS));
      const env = recoveryEnvironment(session.env);
      await launcher.recover({ name, folder, url: savedSessions.urlOf(folder), env, force });
    },
    subscribe: monitor.subscribe,
    close: monitor.close,
  };
}

/** What a recovery needs of the sessions' variables: it plays no session. */
function recoveryEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => /^SESSION_(?:S3_.+|ARCHIVE|GZIP_LEVEL)$/.test(name)),
  );
}
