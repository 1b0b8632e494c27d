import type { SessionSettings } from '../../config/servermgr-config.ts';
import { pause, timeoutSignal, within } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { FleetTable } from '../database/fleet-table.ts';
import type { Lease } from '../database/lease.ts';
import type { FleetRecord } from '../database/records.ts';
import { isAlive, type Launcher, type Session } from '../launchers/launcher.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import type { Actions } from './actions.ts';
import { ALL } from './attention.ts';
import { createEndLog } from './end-log.ts';
import { createListing } from './listing.ts';
import { foundRecord, withListed, withoutListed, withPlace } from './merge.ts';
import { observe } from './observation.ts';
import { createToldPeople } from './people.ts';
import type { Probe } from './probe.ts';
import { createProbes } from './probes.ts';
import type { Registry } from './registry.ts';
import { createReports } from './reports.ts';
import { isRelaunchable, type RuleLimits, ruleFor } from './rules.ts';

export interface ObserverOptions {
  readonly launcher: Launcher;
  readonly savedSessions: SavedSessions;
  readonly limits: RuleLimits;
  readonly session: SessionSettings;
  readonly table: FleetTable;
  readonly lease: Lease;
  readonly registry: Registry;
  readonly actions: Actions;
  /** What the visitors of all instances look at. */
  readonly watched: () => ReadonlySet<string>;
  /** Called when something new is known. */
  readonly onNews: () => void;
  readonly log: Log;
}

export interface Observer {
  /** Looks at once, for something has changed. */
  wake(): void;
  close(): Promise<void>;
}

/** How often sessions are looked at while nobody waits for anything: often enough to apply the rules. */
const IDLE_MS = 5_000;
/** How often somebody who waits is told what is new, at most. */
const QUICK_MS = 1_000;
/** Pings are spread: a large fleet is asked so much more seldom for each of its sessions. */
const SPREAD_MS = 10;
const READ_TIMEOUT_MS = 30_000;
const REPORT_TIMEOUT_MS = 2_000;

/**
 * The one instance that holds the lease observes all sessions: it asks the launcher for them, probes their servers,
 * reads the reports of ended ones, applies the rules, and writes down what it has seen. The others read that.
 */
export function startObserver(options: ObserverOptions): Observer {
  const { launcher, limits, session: settings, table, lease, registry, log } = options;
  const closing = new AbortController();
  const listing = createListing(launcher, log, closing.signal);
  const probes = createProbes(closing.signal);
  const reports = createReports(options.savedSessions, log);
  const toldPeople = createToldPeople(options.savedSessions, log);
  const ends = createEndLog(log);
  /** By id: since when the launcher does not list a session that it should. */
  const missed = new Map<string, number>();
  let listedMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let waking = new AbortController();
  let watched: ReadonlySet<string> = new Set();

  async function loop(): Promise<void> {
    while (!closing.signal.aborted) {
      waking = new AbortController();
      watched = options.watched();
      if (lease.isHeld()) await cycle();
      await pause(intervalMs(), AbortSignal.any([closing.signal, waking.signal]));
    }
  }

  async function cycle(): Promise<void> {
    try {
      const isFresh = await ask();
      probe();
      read();
      await applyRules(isFresh);
      await registry.save(lease.check);
    } catch (error) {
      if (!closing.signal.aborted)
        log.warn({ event: 'observation_failed', err: error }, 'sessions could not be looked at');
    }
    if (closing.signal.aborted) return;
    ends.note(registry.views());
    options.onNews();
  }

  /**
   * Asks the launcher for all sessions when that is due, and in between for those that somebody waits for.
   * @returns whether it has just told of all: what is stopped by an older answer may have ended
   */
  async function ask(): Promise<boolean> {
    const nowMs = performance.now();
    const count = registry.records().length;
    const dueMs = isBusy()
      ? launcher.pollIntervalMs(count)
      : Math.max(IDLE_MS, launcher.pollIntervalMs(count));
    if (nowMs - listedMs >= dueMs - 20) {
      listedMs = nowMs;
      const isFresh = await listing.refresh();
      if (isFresh) await takeAll(listing.sessions());
      await tellListing();
      return isFresh;
    }
    const awaited = registry.records().filter(isAwaited);
    if (awaited.length > 0) await takeSome(await lookAt(awaited));
    return false;
  }

  async function lookAt(awaited: readonly FleetRecord[]): Promise<readonly Session[]> {
    try {
      const signal = timeoutSignal(READ_TIMEOUT_MS, closing.signal);
      return await launcher.look(
        awaited.map(({ session }) => session),
        signal,
      );
    } catch (error) {
      log.warn({ event: 'launcher_list_failed', err: error }, 'sessions could not be listed');
      return [];
    }
  }

  async function takeAll(sessions: readonly Session[]): Promise<void> {
    const nowMs = Date.now();
    for (const session of sessions) if (registry.get(session.id) === undefined) await find(session, nowMs);
    await takeSome(sessions);
    const ids = new Set(sessions.map(({ id }) => id));
    for (const record of registry.records()) {
      const { id } = record.session;
      if (ids.has(id)) missed.delete(id);
      else {
        const missedMs = missed.get(id) ?? nowMs;
        missed.set(id, missedMs);
        registry.observe(withoutListed(record, missedMs, nowMs));
      }
    }
    for (const id of missed.keys()) if (registry.get(id) === undefined) missed.delete(id);
  }

  /** A session that no table knows is taken over, as it is. */
  async function find(session: Session, nowMs: number): Promise<void> {
    const { id } = session;
    await table.add(foundRecord(session, nowMs), { atMs: nowMs, who: 'manager', what: 'found', id });
    await registry.read();
  }

  async function takeSome(sessions: readonly Session[]): Promise<void> {
    await readReportsOf(sessions.filter(session => !isAlive(session) && isAliveAsKnown(session.id)));
    const nowMs = Date.now();
    for (const listed of sessions) {
      const record = registry.get(listed.id);
      if (record === undefined) continue;
      const known = withListed(record, listed, nowMs);
      update(withPlace(known, isRelaunchable(known, limits, nowMs), nowMs));
    }
  }

  function isAliveAsKnown(id: string): boolean {
    const known = registry.get(id);
    return known !== undefined && isAlive(known.session);
  }

  /** A supervisor writes its report before it exits: who watches a session end is told how, unless the store is slow. */
  async function readReportsOf(ended: readonly Session[]): Promise<void> {
    if (ended.length === 0) return;
    const signal = timeoutSignal(REPORT_TIMEOUT_MS, closing.signal);
    await within(REPORT_TIMEOUT_MS, reports.readDue(ended, signal), closing.signal);
  }

  /** Takes one more sample of a session. */
  function update(record: FleetRecord, probe?: Probe): boolean {
    const { session } = record;
    const sample = {
      ...{ session, probe, atMs: Date.now(), told: toldPeople.get(session.id) },
      ...{ agentPlayers: settings.agentPlayers, launchedHere: record.launchTriedMs > 0 },
    };
    return registry.observe({
      ...record,
      observation: observe(record.observation, sample),
      report: reports.get(session.id) ?? record.report,
    });
  }

  function probe(): void {
    const records = registry.records();
    const requests = records.flatMap(record => {
      const { id, state } = record.session;
      const everyMs = probeEveryMs(record, records.length);
      return state.phase === 'running' ? [{ id, state, observation: record.observation, everyMs }] : [];
    });
    probes.ask(requests, (id, result) => {
      const record = registry.get(id);
      if (record !== undefined && update(record, result)) waking.abort();
    });
  }

  /** A server that is silent is asked soon: it may be about to end. */
  function probeEveryMs(record: FleetRecord, count: number): number {
    const { session, observation } = record;
    if (isAwaited(record) || observation?.silentMs !== undefined) return quickMs();
    return Math.max(isLookedAt(session.id) ? quickMs() : IDLE_MS, count * SPREAD_MS);
  }

  /** What the store holds of the sessions: it may be slow, and nothing waits for it. */
  function read(): void {
    const signal = timeoutSignal(READ_TIMEOUT_MS, closing.signal);
    const sessions = registry.records().map(({ session }) => session);
    reading ??= Promise.all([reports.readDue(sessions, signal), toldPeople.readDue(sessions, signal)])
      .then(() => {
        for (const record of registry.records()) update(record);
      })
      .catch((error: unknown) => {
        if (!closing.signal.aborted)
          log.warn({ event: 'observation_failed', err: error }, 'sessions could not be looked at');
      })
      .finally(() => {
        reading = undefined;
      });
    reports.retain(new Set(sessions.map(({ id }) => id)));
  }

  async function applyRules(isFresh: boolean): Promise<void> {
    const nowMs = Date.now();
    const actions = registry.records().flatMap(record => ruleFor(record, limits, nowMs, isFresh) ?? []);
    await options.actions.apply(actions);
  }

  async function tellListing(): Promise<void> {
    const fault = listing.fault();
    const status = { listedMs: fault?.sinceMs ?? Date.now(), fault: fault?.why };
    registry.noteListing(status);
    await lease.report(status).catch(() => undefined);
  }

  /** Whether a change of it is waited for: it is starting or ending, and somebody looks on. */
  function isAwaited({ session, observation, stop, overMs }: FleetRecord): boolean {
    if (overMs !== undefined || !isLookedAt(session.id)) return false;
    return observation?.readyMs === undefined || observation.silentMs !== undefined || stop !== undefined;
  }

  function isLookedAt(id: string): boolean {
    return watched.has(id) || watched.has(ALL);
  }

  function isBusy(): boolean {
    const alive = registry.records().filter(({ session }) => isAlive(session));
    return watched.size > 0 || alive.some(({ observation }) => observation?.readyMs === undefined);
  }

  function quickMs(): number {
    return Math.min(QUICK_MS, launcher.pollIntervalMs(0));
  }

  function intervalMs(): number {
    return lease.isHeld() && isBusy() ? quickMs() : QUICK_MS;
  }

  const wake = () => waking.abort();
  const running = loop();

  return {
    wake,
    async close() {
      closing.abort(new Error('the manager is closing'));
      await Promise.all([running, reading]);
    },
  };
}
