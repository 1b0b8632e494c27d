import { createHmac } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Agent, ServermgrLimits, SessionSettings, World } from '../../config/servermgr-config.ts';
import { timeoutSignal } from '../../runtime/abort.ts';
import { mapConcurrently } from '../../runtime/concurrency.ts';
import type { Log } from '../../runtime/log.ts';
import { type Admission, openAdmissions, type Spending } from '../database/admission.ts';
import { type AuditEntry, writeAudit } from '../database/audit.ts';
import type { Database } from '../database/database.ts';
import { openFleetTable } from '../database/fleet-table.ts';
import { createLease } from '../database/lease.ts';
import { type FleetRecord, newRecord, presentState } from '../database/records.ts';
import { orUnavailable } from '../database/unavailable.ts';
import {
  isAlive,
  type Launcher,
  NoCapacityError,
  type RecoveryStatus,
  requestedSession,
} from '../launchers/launcher.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import { idempotencyKey, nameOf, newId, randomToken, visitorHash } from '../session-id.ts';
import { createActions } from './actions.ts';
import { createAttention } from './attention.ts';
import { createBudget } from './budget.ts';
import type { FleetCounts } from './counts.ts';
import type { Fault } from './fault.ts';
import { startInstance } from './instance.ts';
import { createLaunches } from './launches.ts';
import { startObserver } from './observer.ts';
import type { SessionOrder } from './order.ts';
import { createRegistry } from './registry.ts';
import { createSubscribers, type Listener } from './subscribers.ts';
import type { Usual } from './usual.ts';
import { type SessionView, viewOf } from './view.ts';
import { adminAt } from './who.ts';

export interface FleetOptions {
  readonly database: Database;
  readonly launcher: Launcher;
  readonly savedSessions: SavedSessions;
  readonly limits: ServermgrLimits;
  readonly worlds: readonly World[];
  readonly agents: readonly Agent[];
  readonly session: SessionSettings;
  /** Keys the hashes of networks: no visitor's address is written down. */
  readonly secret: string;
  readonly counts: FleetCounts;
  readonly log: Log;
}

/** A request for a session. */
export interface LaunchForm {
  /** The visitor's secret, out of the cookie. */
  readonly visitor: string;
  /** One for each page: the same for a double click, and for a repeat after a lost answer. */
  readonly token: string;
  readonly world: string;
  /** Where it comes from; undefined: from somebody trusted, for whom a network's limits do not hold. */
  readonly network: string | undefined;
  /** What it is to have beside its world; a request of the same token is the same, whatever it says here. */
  readonly order?: SessionOrder | undefined;
  /** For the audit; by default the visitor, or the API. */
  readonly who?: string | undefined;
}

/** What became of a launch request. */
export type LaunchResult =
  | { readonly kind: 'launched'; readonly id: string }
  | Exclude<Admission, { kind: 'admitted' | 'known' }>
  | { readonly kind: 'unknown-world' }
  | { readonly kind: 'unknown-agent' }
  | { readonly kind: 'no-capacity'; readonly why: string }
  /** The database cannot be asked: launches wait for it. */
  | { readonly kind: 'paused' };

export interface Snapshot {
  readonly views: readonly SessionView[];
  /** What keeps `views` from being new. */
  readonly fault: Fault | undefined;
}

/** All sessions of one launcher: launches, stops and recovers them within the fleet's limits. */
export interface Fleet {
  /** What is known of all sessions; it waits for nothing, once anything is known. */
  snapshot(): Promise<Snapshot>;
  /** The same of one of them, which somebody looks at. */
  look(id: string): Promise<SessionView | undefined>;
  /** The same of one that nobody looks at: it is observed no more often for it. */
  peek(id: string): SessionView | undefined;
  /** The same of one that lists do not show any more. @throws {UnavailableError} when the database cannot be asked */
  remember(id: string): Promise<SessionView | undefined>;
  /** @throws the launcher's error, unless it is a lack of capacity. */
  launch(form: LaunchForm): Promise<LaunchResult>;
  /** How many more sessions may run at once, as far as this instance knows. */
  freePlaces(): number;
  /** What may be expected of a launch in a world; undefined: as far as that is the same in all of them. */
  usual(world?: string): Usual;
  /** What keeps sessions from being launched; undefined: nothing. */
  launchFault(): Fault | undefined;
  /** The day's money; undefined: there is no budget, or it cannot be asked for. */
  spending(): Promise<Spending | undefined>;
  /** Requests a session's end; does nothing for one that is ending or has ended. @param by the network of whoever asks */
  stop(view: Pick<SessionView, 'id'>, why: 'admin' | 'visitor' | 'returned', by?: string): Promise<void>;
  /** The same for all that run, of those that were requested until then. @returns how many were asked to end */
  stopAll(untilMs: number, by: string): Promise<number>;
  /** Starts the recovery of a session; does not wait for it. @param by the network of whoever asks */
  recover(name: string, by?: string): Promise<void>;
  /** What the launcher knows of the recovery of a session that was started last; undefined: nothing. */
  recovery(name: string): Promise<RecoveryStatus | undefined>;
  /** Calls the listener at each change of a session's view. @returns a function that ends the subscription */
  subscribe(id: string, listener: Listener): () => void;
  /** What is known of all sessions, for whoever waits for nothing new: nothing is asked more often because of it. */
  known(): readonly SessionView[];
  /** Whether this instance holds the lease: it observes the sessions for all. */
  isObserver(): boolean;
  close(): Promise<void>;
}

/** How long a page waits for the launcher's first answer ever: without it nobody knows what runs. */
const FIRST_LIST_MS = 10_000;
const FIRST_LOOK_MS = 20;
/** What is throttled, or restarted, answers again by then. */
const UNSEEN_MS = 60_000;
const STORE_TIMEOUT_MS = 10_000;
/** Each is a transaction: launches go on in between. */
const STOPS_AT_ONCE = 8;

/** Opens the fleet: what this instance's part in it is, it finds out. */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const { database, launcher, savedSessions, limits, worlds, agents, session, counts, log } = options;
  const instance = randomToken();
  const table = openFleetTable(database);
  const lease = createLease(database, instance);
  const admissions = openAdmissions(database, limits, session.costPerHour);
  const registry = createRegistry(table, lease, session, log, counts.databaseFault);
  const attention = createAttention();
  const subscribers = createSubscribers();
  const launches = createLaunches({ launcher, choices: options, table, registry, log });
  const actions = createActions({ launcher, launches, table, registry, log });
  const loop = await startInstance({
    ...{ id: instance, database, lease, registry, attention, subscribers, log },
    writeLate: actions.writeStops,
  });
  const observer = startObserver({
    ...{ launcher, savedSessions, limits, session, table, lease, registry, actions, counts, log },
    watched: loop.watched,
    onNews: () => subscribers.notify(registry.views()),
  });
  const budget = createBudget(admissions, log);

  /** Before the launcher's first answer ever nothing is known; afterwards the table knows. */
  async function listed(): Promise<boolean> {
    observer.wake();
    const endMs = performance.now() + FIRST_LIST_MS;
    while (!registry.wasListed() && performance.now() < endMs) await setTimeout(FIRST_LOOK_MS);
    return registry.wasListed();
  }

  async function launch(form: LaunchForm): Promise<LaunchResult> {
    const { visitor, token, network, order: ordered } = form;
    const world = worlds.find(({ id }) => id === form.world);
    if (world === undefined) return { kind: 'unknown-world' };
    if (ordered?.agent !== undefined && !agents.some(({ id }) => id === ordered.agent))
      return { kind: 'unknown-agent' };
    if (!(await listed()) || launchFault() !== undefined) {
      return { kind: 'no-capacity', why: 'what is running cannot be looked up just now' };
    }
    const requestedMs = Date.now();
    const id = newId(requestedMs);
    const identity = {
      ...{ id, idempotencyKey: idempotencyKey(visitor, token), visitorHash: visitorHash(visitor) },
      ...{ world: world.id, attempt: 1 },
    };
    const networkHash = network === undefined ? undefined : hashOf(network);
    const record = newRecord(requestedSession(identity, ''), { requestedMs, networkHash, ordered });
    const who = form.who ?? (network === undefined ? 'api' : `visitor ${identity.visitorHash}`);
    const admission = await admit(record, { atMs: requestedMs, who, what: 'launch', id, detail: world.id });
    if (admission === undefined) return { kind: 'paused' };
    if (admission.kind === 'known') return { kind: 'launched', id: admission.id };
    if (admission.kind !== 'admitted') return admission;
    registry.put(record);
    try {
      return { kind: 'launched', id: await launches.launch(record) };
    } catch (error) {
      if (error instanceof NoCapacityError) return { kind: 'no-capacity', why: error.message };
      throw error;
    } finally {
      observer.wake();
      await budget.warn();
    }
  }

  /** Places are counted by the table; but whoever cannot be seen for long costs money, and nobody can join. */
  function launchFault(): Fault | undefined {
    const unseen = registry.fault();
    const isLong = unseen !== undefined && Date.now() - unseen.sinceMs > UNSEEN_MS;
    return registry.databaseFault() ?? (isLong ? unseen : undefined);
  }

  /** @returns undefined when the database cannot be asked */
  async function admit(...args: Parameters<typeof admissions.admit>): Promise<Admission | undefined> {
    try {
      return await admissions.admit(...args);
    } catch (error) {
      log.warn(
        { event: 'launch_paused', err: error },
        'a launch was refused, for the database cannot be asked',
      );
      return undefined;
    }
  }

  function hashOf(network: string): string {
    return createHmac('sha256', options.secret).update(`network ${network}`).digest('base64url');
  }

  async function stop({ id }: { readonly id: string }, why: 'admin' | 'visitor', by?: string): Promise<void> {
    const record = registry.get(id);
    if (record === undefined || !isStoppable(record)) return;
    log.info({ event: 'session_stop_requested', session: nameOf(id), why }, `stop requested by ${why}`);
    const who = why === 'admin' ? adminAt(by) : `visitor ${record.session.visitorHash}`;
    await actions.stop(record, why, who);
    observer.wake();
  }

  /** Writes down what is done, or was, whether or not that can be. */
  async function audit(entry: AuditEntry): Promise<void> {
    await database
      .transaction(tx => writeAudit(tx, entry))
      .catch((error: unknown) => {
        log.warn(
          { event: 'database_away', err: error },
          `who asked to ${entry.what} could not be written down`,
        );
      });
  }

  return {
    async snapshot() {
      attention.noteAll();
      await listed();
      return { views: registry.views(), fault: registry.fault() };
    },

    async look(id) {
      attention.note(id);
      await listed();
      // Another instance may have launched it a moment ago.
      if (registry.get(id) === undefined) await registry.read();
      return registry.views().find(view => view.id === id);
    },

    peek: id => registry.views().find(view => view.id === id),
    freePlaces: () => limits.fleet - registry.records().filter(({ overMs }) => overMs === undefined).length,

    async remember(id) {
      const record = await orUnavailable(table.find(id));
      if (record === undefined) return undefined;
      const state = presentState(record);
      return viewOf({ ...record, session: { ...record.session, state } }, session, Date.now());
    },

    async launch(form) {
      try {
        const result = await launch(form);
        counts.launch(result.kind);
        return result;
      } catch (error) {
        counts.launch('error');
        throw error;
      }
    },
    usual: world => registry.usual(world === undefined ? worlds.map(({ id }) => id) : [world]),
    launchFault,
    spending: budget.spending,

    stop,

    async stopAll(untilMs, by) {
      const isMeant = (record: FleetRecord) => record.requestedMs <= untilMs && isStoppable(record);
      const records = registry.records().filter(isMeant);
      await audit({ atMs: Date.now(), who: adminAt(by), what: 'stop-all', detail: String(records.length) });
      const stops = mapConcurrently(Readable.from(records), STOPS_AT_ONCE, ({ session: { id } }) =>
        stop({ id }, 'admin', by),
      );
      for await (const _ of stops);
      return records.length;
    },

    async recover(name, by) {
      log.info({ event: 'recovery_requested', session: name }, 'recovery requested');
      const known = registry.records().find(record => nameOf(record.session.id) === name);
      const force = known !== undefined && !isAlive(known.session);
      const folder = await savedSessions.folderOf(name, timeoutSignal(STORE_TIMEOUT_MS));
      const env = recoveryEnvironment(session.env);
      await launcher.recover({ name, folder, url: savedSessions.urlOf(folder), env, force });
      await audit({ atMs: Date.now(), who: adminAt(by), what: 'recover', name });
    },

    recovery: name => launcher.recovery(name),

    subscribe(id, listener) {
      const unfollow = attention.follow(id);
      const unsubscribe = subscribers.add(id, listener);
      observer.wake();
      return () => {
        unfollow();
        unsubscribe();
      };
    },

    known: registry.views,
    isObserver: lease.isHeld,

    async close() {
      await observer.close();
      await loop.close();
    },
  };
}

function isStoppable({ session, stop }: FleetRecord): boolean {
  return isAlive(session) && stop === undefined;
}

/** What a recovery needs of the sessions' variables: it plays no session. */
function recoveryEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => /^SESSION_(?:S3_.+|ARCHIVE|GZIP_LEVEL)$/.test(name)),
  );
}
