import type { SessionSettings } from '../../config/servermgr-config.ts';
import type { Log } from '../../runtime/log.ts';
import type { FleetTable, IsHolder } from '../database/fleet-table.ts';
import type { Lease, ObserverStatus } from '../database/lease.ts';
import { type FleetRecord, observedColumns, presentState, recordOf } from '../database/records.ts';
import type { SessionRow } from '../database/schema.ts';
import { createDatabaseState } from './database-state.ts';
import type { Fault } from './fault.ts';
import { createLaunchHistory, LATELY } from './launch-history.ts';
import type { Usual } from './usual.ts';
import { type SessionView, viewOf } from './view.ts';

/** This instance's copy of the table: what pages show is there without waiting, also while the database is away. */
export interface Registry {
  /** The sessions that pages show. */
  records(): readonly FleetRecord[];
  get(id: string): FleetRecord | undefined;
  /** The same as the pages show them. */
  views(): readonly SessionView[];
  /** What launches in these worlds were like lately. */
  usual(worlds: readonly string[]): Usual;
  /** What this instance has observed: `save` writes it down. @returns whether it is new */
  observe(record: FleetRecord): boolean;
  /** What this instance knows to be in the table. */
  put(record: FleetRecord): void;
  /** Writes down what was observed. What cannot be written is kept, and written at a later call. */
  save(isHolder: IsHolder): Promise<void>;
  /** Reads what has changed; a failure is a fault, and not thrown. */
  read(): Promise<void>;
  /** Whether this instance observes the sessions: it holds the lease, or nobody can know any more who does. */
  observes(): boolean;
  /** What keeps the database from being asked. */
  databaseFault(): Fault | undefined;
  /** What keeps pages from showing what is new. */
  fault(): Fault | undefined;
  /** Whether the launcher has ever listed its sessions: before that nobody knows what runs. */
  wasListed(): boolean;
  /** The launcher has answered this instance, or has not. */
  noteListing(status: Pick<ObserverStatus, 'listedMs' | 'fault'>): void;
}

/** A transaction is over in that time: what it has written shows up so much later than it says. */
const OVERLAP_MS = 15_000;
/** For so long nobody need hold the lease: another instance takes it over. */
const UNOBSERVED_MS = 10_000;
/** When nobody can read who holds the lease for so long, the holder may be gone: what observers do may be done twice. */
const ORPHANED_MS = 10_000;
/** Views are made anew at most so often, for however many pages. */
const VIEWS_MS = 100;

export function createRegistry(
  table: FleetTable,
  lease: Lease,
  settings: SessionSettings,
  log: Log,
  onFault?: (kind: 'read' | 'write') => void,
): Registry {
  const database = createDatabaseState(log, onFault);
  const history = createLaunchHistory();
  let records = new Map<string, FleetRecord>();
  /** Observed here, and not written down yet. */
  const unsaved = new Set<string>();
  /** By the database's clock: what had changed by then is known; undefined: all is to be read. */
  let knownUntilMs: number | undefined;
  let readMs = Date.now();
  let observer: Omit<ObserverStatus, 'nowMs'> | undefined;
  let made: { readonly atMs: number; readonly views: readonly SessionView[] } | undefined;

  function set(record: FleetRecord): void {
    const { id } = record.session;
    history.note(record);
    if (record.goneMs === undefined || unsaved.has(id)) records.set(id, record);
    else records.delete(id);
    made = undefined;
  }

  function take(row: SessionRow): void {
    const known = records.get(row.id);
    if (known?.changedMs === row.changed_ms) return;
    const read = recordOf(row);
    const { stop, launchTriedMs, changedMs } = read;
    // What was observed here is newer than what is written of it.
    set(known !== undefined && unsaved.has(row.id) ? { ...known, stop, launchTriedMs, changedMs } : read);
  }

  /** Another instance has taken over, and observes by itself: what was seen here is old. */
  function readAnew(): void {
    unsaved.clear();
    knownUntilMs = undefined;
  }

  function observes(): boolean {
    return lease.isHeld() || (database.fault() !== undefined && Date.now() - readMs > ORPHANED_MS);
  }

  function unobservedSinceMs(): number | undefined {
    if (observer === undefined || observer.leftMs > -UNOBSERVED_MS) return undefined;
    return readMs + observer.leftMs;
  }

  function fault(): Fault | undefined {
    // Whoever observes knows what is new, whether or not that can be written down.
    const away = database.fault();
    if (away !== undefined && !observes()) return away;
    const sinceMs = unobservedSinceMs();
    if (sinceMs !== undefined) return { sinceMs, why: 'no instance asks for it' };
    return observer?.fault === undefined
      ? undefined
      : { sinceMs: observer.listedMs ?? 0, why: observer.fault };
  }

  return {
    records: () => [...records.values()],
    get: id => records.get(id),

    views() {
      const nowMs = Date.now();
      if (made === undefined || nowMs - made.atMs > VIEWS_MS) {
        const knownMs = fault()?.sinceMs;
        const views = [...records.values()].map(record =>
          viewOf(
            {
              ...{ ...record, session: { ...record.session, state: presentState(record) }, knownMs },
              usual: isReady(record) ? undefined : history.usual([record.session.world]),
            },
            settings,
            nowMs,
          ),
        );
        made = { atMs: nowMs, views };
      }
      return made.views;
    },

    usual: history.usual,

    observe(record) {
      const known = records.get(record.session.id);
      if (known !== undefined && isSame(known, record)) return false;
      unsaved.add(record.session.id);
      set(record);
      return true;
    },

    put: set,

    async save(isHolder) {
      const written = [...unsaved].flatMap(id => records.get(id) ?? []);
      if (written.length === 0) return;
      await database.attempt('write', async () => {
        if (!(await table.saveObserved(written, isHolder))) return readAnew();
        for (const record of written) {
          const { id } = record.session;
          if (records.get(id) !== record) continue;
          unsaved.delete(id);
          set(record);
        }
      });
    },

    async read() {
      await database.attempt('read', async () => {
        const sinceMs = knownUntilMs;
        // Before the rows: what is written between the two is read again.
        const status = await lease.status();
        const changed = await table.changedSince(sinceMs === undefined ? undefined : sinceMs - OVERLAP_MS);
        if (sinceMs === undefined) {
          records = new Map();
          for (const row of await table.latest(LATELY)) history.note(recordOf(row));
        }
        for (const row of changed) take(row);
        // Otherwise all is to be read anew, which was decided meanwhile.
        if (knownUntilMs === sinceMs) knownUntilMs = status?.nowMs;
        observer = status;
        readMs = Date.now();
        if (!lease.isHeld() && unsaved.size > 0) readAnew();
      });
    },

    observes,
    databaseFault: database.fault,
    fault,
    wasListed: () => observer?.listedMs !== undefined,
    noteListing(status) {
      observer = { leftMs: observer?.leftMs ?? 0, ...status };
    },
  };
}

function isReady({ observation }: FleetRecord): boolean {
  return observation?.readyMs !== undefined;
}

/** Whether nothing of it has changed that is written down. */
function isSame(one: FleetRecord, other: FleetRecord): boolean {
  return JSON.stringify(observedColumns(one)) === JSON.stringify(observedColumns(other));
}
