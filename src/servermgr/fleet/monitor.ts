import type { SessionSettings } from '../../config/servermgr-config.ts';
import { timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import { isAlive, type Launcher, type Session } from '../launchers/launcher.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import { nameOf } from '../session-id.ts';
import { createEndLog } from './end-log.ts';
import { createListing, type ListingFault } from './listing.ts';
import { type Observation, observe, probeTarget } from './observation.ts';
import { createPendingLaunches } from './pending.ts';
import { createToldPeople } from './people.ts';
import { probeAll } from './probe.ts';
import { createReports } from './reports.ts';
import { type Action, type RuleLimits, removalsFor, rulesFor } from './rules.ts';
import { createSubscribers, type Listener } from './subscribers.ts';
import { type SessionView, viewOf } from './view.ts';

export interface MonitorOptions {
  readonly launcher: Launcher;
  readonly savedSessions: SavedSessions;
  readonly limits: RuleLimits;
  readonly session: SessionSettings;
  /** Repeats the launch of a session that lacked capacity. */
  readonly relaunch: (session: Session) => Promise<void>;
  readonly log: Log;
}

export interface Snapshot {
  readonly views: readonly SessionView[];
  /** What keeps the launcher from listing its sessions: `views` are as old as its last answer then. */
  readonly fault: ListingFault | undefined;
}

export interface Monitor {
  /** All sessions. @param maxAgeMs how old the last poll may be; the launcher's poll interval unless it is given */
  snapshot(maxAgeMs?: number): Promise<Snapshot>;
  /** The sessions of the last poll and the launches since, without waiting. */
  sessions(): readonly Session[];
  /** Counts a launch as a session before the launcher lists it. */
  addPending(session: Session): void;
  removePending(id: string): void;
  /** Calls the listener at each change of a session's view. @returns a function that ends the subscription */
  subscribe(id: string, listener: Listener): () => void;
  close(): Promise<void>;
}

/** The poll interval while nobody is subscribed and no session is starting: often enough to apply the rules. */
const IDLE_POLL_INTERVAL_MS = 5_000;
const POLL_TIMEOUT_MS = 30_000;

/**
 * Monitors all sessions with one poll at a time, however many requests want a snapshot: lists the sessions, probes
 * their servers, reads the reports of ended ones, applies the rules, and notifies the subscribers.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  const { launcher, limits, session: settings, log } = options;
  const closing = new AbortController();
  const observations = new Map<string, Observation>();
  const pending = createPendingLaunches();
  const reports = createReports(options.savedSessions, log);
  const toldPeople = createToldPeople(options.savedSessions, log);
  const subscribers = createSubscribers();
  const ends = createEndLog(log);
  const listing = createListing(launcher, log, closing.signal);
  let polledMs = Number.NEGATIVE_INFINITY;
  let polling: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const sessions = () => pending.mergeWith(listing.sessions());

  /** Starts a poll, unless one is under way. */
  function poll(): Promise<void> {
    polling ??= pollOnce().finally(() => {
      polling = undefined;
      scheduleNextPoll();
    });
    return polling;
  }

  async function pollOnce(): Promise<void> {
    const signal = timeoutSignal(POLL_TIMEOUT_MS, closing.signal);
    const isFresh = await listing.refresh();
    try {
      // Whether a server answers is asked also while the launcher does not.
      await observeSessions(signal);
      await reports.readDue(listing.sessions(), signal);
    } catch (error) {
      if (!closing.signal.aborted)
        log.warn({ event: 'observation_failed', err: error }, 'sessions could not be looked at');
    }
    if (closing.signal.aborted) return;
    polledMs = Date.now();
    // What is stopped or launched again by an old list may be another session's by now.
    if (isFresh) await applyRules();
    const shown = views();
    ends.note(shown);
    subscribers.notify(shown);
  }

  async function observeSessions(signal: AbortSignal): Promise<void> {
    const before = sessions();
    const targets = before.flatMap(({ id, state }) =>
      state.phase === 'running' ? [[id, probeTarget(state, observations.get(id))] as const] : [],
    );
    const [probes] = await Promise.all([
      probeAll(new Map(targets), signal),
      toldPeople.readDue(before, signal),
    ]);
    const atMs = Date.now();
    for (const session of before) {
      const { id } = session;
      const sample = {
        ...{ session, probe: probes.get(id), atMs, launchedHere: pending.has(id) },
        ...{ told: toldPeople.get(id), agentPlayers: settings.agentPlayers },
      };
      observations.set(id, observe(observations.get(id), sample));
    }
    pending.removeListed(listing.sessions());
    const ids = new Set(sessions().map(({ id }) => id));
    for (const id of observations.keys()) if (!ids.has(id)) observations.delete(id);
    reports.retain(ids);
  }

  async function applyRules(): Promise<void> {
    const nowMs = Date.now();
    const actions = [
      ...rulesFor(sessions(), observations, limits, nowMs),
      ...removalsFor(listing.sessions(), reports.get, nowMs),
    ];
    await Promise.all(actions.map(apply));
  }

  /** An action that fails is repeated at the next poll, for the rule still holds then. */
  async function apply(action: Action): Promise<void> {
    const { session } = action;
    const name = nameOf(session.id);
    const progress = observations.get(session.id)?.progress;
    try {
      switch (action.do) {
        case 'stop':
          log.warn(
            { event: 'stopped_by_rule', session: name, why: action.why, progress },
            `session stopped by rule: ${action.why}`,
          );
          return await launcher.stop(session, action.why);
        case 'relaunch':
          return await options.relaunch(session);
        case 'remove':
          return await launcher.remove(session);
        default:
          return action satisfies never;
      }
    } catch (error) {
      log.warn(
        { event: 'rule_failed', err: error, session: name, action: action.do },
        `rule could not be applied: ${action.do}`,
      );
    }
  }

  function views(): readonly SessionView[] {
    const nowMs = Date.now();
    return sessions().map(session => {
      const { id } = session;
      const facts = { session, observation: observations.get(id), report: reports.get(id) };
      return viewOf({ ...facts, knownMs: listing.fault()?.sinceMs }, settings, nowMs);
    });
  }

  /** Soon while somebody waits for a change, seldom while sessions run, and not at all while there are none. */
  function scheduleNextPoll(): void {
    clearTimeout(timer);
    if (closing.signal.aborted) return;
    const alive = sessions().filter(isAlive);
    if (subscribers.isEmpty() && alive.length === 0) return;
    const starting = alive.some(({ id }) => observations.get(id)?.readyMs === undefined);
    const soon = starting || !subscribers.isEmpty();
    timer = setTimeout(() => void poll(), soon ? launcher.pollIntervalMs(0) : IDLE_POLL_INTERVAL_MS);
    timer.unref();
  }

  return {
    async snapshot(maxAgeMs = launcher.pollIntervalMs(0)) {
      // A poll that is under way may have listed the sessions before the caller's last change.
      if (maxAgeMs === 0) await polling;
      if (Date.now() - polledMs > maxAgeMs || maxAgeMs === 0) await poll();
      return { views: views(), fault: listing.fault() };
    },

    sessions,

    addPending(session) {
      const isListed = listing
        .sessions()
        .some(({ id, attempt }) => id === session.id && attempt >= session.attempt);
      if (!isListed) pending.add(session);
      scheduleNextPoll();
    },
    removePending: pending.remove,

    subscribe(id, listener) {
      const unsubscribe = subscribers.add(id, listener);
      scheduleNextPoll();
      return unsubscribe;
    },

    async close() {
      closing.abort(new Error('the manager is closing'));
      clearTimeout(timer);
      await polling;
    },
  };
}
