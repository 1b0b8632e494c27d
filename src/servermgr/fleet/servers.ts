import type { SessionSettings } from '../../config/servermgr-config.ts';
import { timeoutSignal, within } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { FleetRecord } from '../database/records.ts';
import type { Session } from '../launchers/launcher.ts';
import type { SavedSessions } from '../saved-sessions.ts';
import type { Demand } from './demand.ts';
import { observe } from './observation.ts';
import { createToldPeople } from './people.ts';
import type { Probe } from './probe.ts';
import { createProbes } from './probes.ts';
import type { Registry } from './registry.ts';
import { createReports } from './reports.ts';

/** What the sessions tell themselves: their servers, when they are asked, and the store, where they write. */
export interface Servers {
  /** Asks the servers that are due, and waits for none. @param quickMs how often what is waited for is asked */
  probe(demand: Demand, quickMs: number): void;
  /** Reads of the store what is due, and does not wait for it. */
  read(demand: Demand): void;
  /** Takes one more sample of a session. @returns whether anything about it is new */
  sample(record: FleetRecord, probe?: Probe): boolean;
  /** A supervisor writes its report before it exits: who watches a session end is told how, unless the store is slow. */
  readReportsOf(ended: readonly Session[]): Promise<void>;
  close(): Promise<void>;
}

/** How often a server is asked while nobody looks. */
const IDLE_MS = 5_000;
/** Pings are spread: a large fleet is asked so much more seldom for each of its sessions. */
const SPREAD_MS = 10;
const READ_TIMEOUT_MS = 30_000;
const REPORT_TIMEOUT_MS = 2_000;

export interface ServersOptions {
  readonly savedSessions: SavedSessions;
  readonly session: SessionSettings;
  readonly registry: Registry;
  /** Called when an answer has brought something new. */
  readonly onNews: () => void;
  readonly closing: AbortSignal;
  readonly log: Log;
}

export function watchServers(options: ServersOptions): Servers {
  const { savedSessions, registry, onNews, closing, log } = options;
  const probes = createProbes(closing);
  const reports = createReports(savedSessions, log);
  const toldPeople = createToldPeople(savedSessions, log);
  let reading: Promise<void> | undefined;

  function sample(record: FleetRecord, probe?: Probe): boolean {
    const { session } = record;
    const sampled = {
      ...{ session, probe, atMs: Date.now(), told: toldPeople.get(session.id) },
      ...{ agentPlayers: options.session.agentPlayers, launchedHere: record.launchTriedMs > 0 },
    };
    return registry.observe({
      ...record,
      observation: observe(record.observation, sampled),
      report: reports.get(session.id) ?? record.report,
    });
  }

  async function readDue({ isLookedAt }: Demand): Promise<void> {
    const signal = timeoutSignal(READ_TIMEOUT_MS, closing);
    const sessions = registry.records().map(({ session }) => session);
    reports.retain(new Set(sessions.map(({ id }) => id)));
    try {
      const read = await Promise.all([
        reports.readDue(sessions, signal),
        toldPeople.readDue(sessions, { signal, isLookedAt }),
      ]);
      for (const id of read.flat()) {
        const record = registry.get(id);
        if (record !== undefined) sample(record);
      }
    } catch (error) {
      if (!closing.aborted)
        log.warn({ event: 'observation_failed', err: error }, 'sessions could not be looked at');
    }
  }

  return {
    sample,

    probe(demand, quickMs) {
      const records = registry.records();
      const requests = records.flatMap(record => {
        const { session, observation } = record;
        if (session.state.phase !== 'running') return [];
        // A server that is silent may be about to end.
        const isUrgent = demand.isAwaited(record) || observation?.silentMs !== undefined;
        const usualMs = Math.max(
          demand.isLookedAt(session.id) ? quickMs : IDLE_MS,
          records.length * SPREAD_MS,
        );
        const everyMs = isUrgent ? quickMs : usualMs;
        return [{ id: session.id, state: session.state, observation, everyMs, isUrgent }];
      });
      probes.ask(requests, (id, result) => {
        const record = registry.get(id);
        if (result.port === 'open') toldPeople.noteOnline(id, result.status?.online);
        if (record !== undefined && sample(record, result)) onNews();
      });
    },

    read(demand) {
      reading ??= readDue(demand).finally(() => {
        reading = undefined;
      });
    },

    async readReportsOf(ended) {
      if (ended.length === 0) return;
      const signal = timeoutSignal(REPORT_TIMEOUT_MS, closing);
      await within(REPORT_TIMEOUT_MS, reports.readDue(ended, signal), closing);
    },

    async close() {
      await reading;
    },
  };
}
