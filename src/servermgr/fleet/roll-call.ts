import { timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { FleetTable } from '../database/fleet-table.ts';
import type { Lease } from '../database/lease.ts';
import type { FleetRecord } from '../database/records.ts';
import { isAlive, type Launcher, type Session } from '../launchers/launcher.ts';
import { createListing } from './listing.ts';
import { foundRecord, withListed, withoutListed, withPlace } from './merge.ts';
import type { Registry } from './registry.ts';
import { isRelaunchable, type RuleLimits } from './rules.ts';
import type { Servers } from './servers.ts';

/** What the launcher says of its sessions, taken over into what is known of them. */
export interface RollCall {
  /** Asks it for all of them. @returns whether it has just told: what is stopped by an older answer may have ended */
  all(): Promise<boolean>;
  /** Asks it for these alone. */
  some(awaited: readonly FleetRecord[]): Promise<void>;
}

export interface RollCallOptions {
  readonly launcher: Launcher;
  readonly limits: RuleLimits;
  readonly table: FleetTable;
  readonly lease: Lease;
  readonly registry: Registry;
  readonly servers: Servers;
  readonly closing: AbortSignal;
  readonly log: Log;
}

const LOOK_TIMEOUT_MS = 30_000;

export function createRollCall(options: RollCallOptions): RollCall {
  const { launcher, limits, table, lease, registry, servers, closing, log } = options;
  const listing = createListing(launcher, log, closing);
  /** By id: since when the launcher does not list a session that it should. */
  const missed = new Map<string, number>();

  async function takeAll(sessions: readonly Session[]): Promise<void> {
    await findAll(sessions.filter(({ id }) => registry.get(id) === undefined));
    const nowMs = Date.now();
    await take(sessions);
    const ids = new Set(sessions.map(({ id }) => id));
    for (const record of registry.records()) {
      const { id } = record.session;
      const missedMs = missed.get(id) ?? nowMs;
      if (ids.has(id)) missed.delete(id);
      else {
        missed.set(id, missedMs);
        registry.observe(withoutListed(record, missedMs, nowMs));
      }
    }
    for (const id of missed.keys()) if (registry.get(id) === undefined) missed.delete(id);
  }

  /** Sessions that no table knows are taken over, as they are; while it cannot be asked, all others go on. */
  async function findAll(sessions: readonly Session[]): Promise<void> {
    if (sessions.length === 0) return;
    const atMs = Date.now();
    const records = sessions.map(session => foundRecord(session, atMs));
    try {
      await table.add(records, { atMs, who: 'manager', what: 'found' });
    } catch (error) {
      log.warn({ event: 'database_away', err: error }, 'sessions that were found could not be written down');
    }
    await registry.read();
  }

  async function take(sessions: readonly Session[]): Promise<void> {
    await servers.readReportsOf(sessions.filter(session => !isAlive(session) && isAliveAsKnown(session.id)));
    const nowMs = Date.now();
    for (const listed of sessions) {
      const record = registry.get(listed.id);
      if (record === undefined) continue;
      const known = withListed(record, listed, nowMs);
      servers.sample(withPlace(known, isRelaunchable(known, limits, nowMs), nowMs));
    }
  }

  function isAliveAsKnown(id: string): boolean {
    const known = registry.get(id);
    return known !== undefined && isAlive(known.session);
  }

  /** Every instance shows since when the launcher has said nothing. */
  async function tellOthers(): Promise<void> {
    const fault = listing.fault();
    const status = { listedMs: fault?.sinceMs ?? Date.now(), fault: fault?.why };
    registry.noteListing(status);
    await lease.report(status).catch(() => undefined);
  }

  return {
    async all() {
      const isFresh = await listing.refresh();
      try {
        if (isFresh) await takeAll(listing.sessions());
      } finally {
        await tellOthers();
      }
      return isFresh;
    },

    async some(awaited) {
      const signal = timeoutSignal(LOOK_TIMEOUT_MS, closing);
      const sessions = awaited.map(({ session }) => session);
      try {
        await take(await launcher.look(sessions, signal));
      } catch (error) {
        if (!closing.aborted)
          log.warn({ event: 'launcher_list_failed', err: error }, 'sessions could not be listed');
      }
    },
  };
}
