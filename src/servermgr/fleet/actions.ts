import { within } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { FleetTable, StopRequest } from '../database/fleet-table.ts';
import type { FleetRecord } from '../database/records.ts';
import type { Launcher, StopReason } from '../launchers/launcher.ts';
import { nameOf } from '../session-id.ts';
import type { Launches } from './launches.ts';
import type { Registry } from './registry.ts';
import type { Action } from './rules.ts';

export interface ActionsOptions {
  readonly launcher: Launcher;
  readonly launches: Launches;
  readonly table: FleetTable;
  readonly registry: Registry;
  readonly log: Log;
}

/** Does what the rules say. */
export interface Actions {
  /**
   * One that fails is repeated later, for the rule still holds then. One that takes long goes on by itself, and meanwhile
   * no other is begun for its session.
   */
  apply(actions: readonly Action[]): Promise<void>;
  /** Asks for a session's end, and goes on to ask until it is gone; it waits for no launcher. @param who for the audit */
  stop(record: FleetRecord, why: StopReason, who: string): Promise<void>;
  /** Writes down the stops that could not be: whoever observes goes on with them then. */
  writeStops(): Promise<void>;
}

/** How often a session that was asked to end is asked again. */
const PURSUE_MS = 5_000;
/** A launcher that is throttled takes minutes: so long it is waited for, before the others are looked at again. */
const PATIENCE_MS = 1_000;

export function createActions({ launcher, launches, table, registry, log }: ActionsOptions): Actions {
  /** By id: when the launcher was asked to stop it. */
  const asked = new Map<string, number>();
  /** By id: for which something is under way. */
  const busy = new Set<string>();
  /** By id: what could not be written down. */
  const unwritten = new Map<string, StopRequest>();

  /** What cannot be written down is done all the same, and written down later. */
  async function stop(record: FleetRecord, why: StopReason, who: string): Promise<void> {
    const { id } = record.session;
    const wanted = { why, atMs: Date.now(), who };
    registry.put({ ...record, stop: record.stop ?? wanted });
    try {
      await table.requestStop(id, wanted);
      await registry.read();
    } catch (error) {
      unwritten.set(id, wanted);
      log.warn(
        { event: 'database_away', err: error, session: nameOf(id) },
        'a stop could not be written down: it is done all the same',
      );
    }
    void attempt({ do: 'pursue-stop', record, why });
  }

  async function pursue({ session }: FleetRecord, why: StopReason): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - (asked.get(session.id) ?? Number.NEGATIVE_INFINITY) < PURSUE_MS) return;
    asked.set(session.id, nowMs);
    await launcher.stop(session, why);
  }

  async function applyOne(action: Action): Promise<void> {
    const { record } = action;
    const name = nameOf(record.session.id);
    switch (action.do) {
      case 'stop':
        log.warn(
          {
            event: 'stopped_by_rule',
            session: name,
            why: action.why,
            progress: record.observation?.progress,
          },
          `session stopped by rule: ${action.why}`,
        );
        return stop(record, action.why, 'rule');
      case 'pursue-stop':
        return pursue(record, action.why);
      case 'repeat-launch':
        return launches.repeat(record);
      case 'relaunch':
        return launches.relaunch(record);
      case 'remove':
        return launcher.remove(record.session);
      default:
        return action satisfies never;
    }
  }

  async function attempt(action: Action): Promise<void> {
    const { id } = action.record.session;
    busy.add(id);
    try {
      await applyOne(action);
    } catch (error) {
      log.warn(
        { event: 'rule_failed', err: error, session: nameOf(id), action: action.do },
        `rule could not be applied: ${action.do}`,
      );
    } finally {
      busy.delete(id);
    }
  }

  return {
    stop,
    async writeStops() {
      for (const [id, wanted] of unwritten) {
        await table.requestStop(id, wanted);
        unwritten.delete(id);
      }
    },
    async apply(actions) {
      const ids = new Set(registry.records().map(({ session }) => session.id));
      for (const id of asked.keys()) if (!ids.has(id)) asked.delete(id);
      const begun = actions.filter(({ record }) => !busy.has(record.session.id)).map(attempt);
      if (begun.length > 0) await within(PATIENCE_MS, Promise.all(begun));
    },
  };
}
