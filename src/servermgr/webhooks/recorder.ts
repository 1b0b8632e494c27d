import type { SessionSettings } from '../../config/servermgr-config.ts';
import type { Spending } from '../database/admission.ts';
import { type FleetRecord, presentState } from '../database/records.ts';
import type { OutboxEntry, WebhookOutbox } from '../database/webhook-outbox.ts';
import { isNearlySpent } from '../fleet/budget.ts';
import { viewOf } from '../fleet/view.ts';
import type { Endpoint } from './endpoints.ts';
import { budgetEvent, eventsOf, type WebhookEvent } from './events.ts';

export interface RecorderOptions {
  readonly outbox: WebhookOutbox;
  readonly endpoints: readonly Endpoint[];
  readonly session: SessionSettings;
  /** undefined: there is no budget, or it cannot be asked for. */
  readonly spending: () => Promise<Spending | undefined>;
}

/**
 * Writes down what is to be told, by what the table of sessions says, and not by what was seen: whoever observes next
 * finds what this instance has not come to. Two that do it write it once.
 */
export interface Recorder {
  record(): Promise<void>;
  /** Another instance observes from now on: what it writes down is not known here. */
  forget(): void;
}

/** The day's money is counted over all sessions. */
const BUDGET_MS = 15_000;
/** So many events are remembered as written; those beyond are written again, to no effect. */
const MAX_KNOWN = 50_000;

export function createRecorder({ outbox, endpoints, session, spending }: RecorderOptions): Recorder {
  /** Written, for which endpoints. */
  const known = new Set<string>();
  /** By the database's clock: what had changed by then was looked at; undefined: all is to be looked at. */
  let lookedMs: number | undefined;
  let countedMs = Number.NEGATIVE_INFINITY;

  function eventsOfRecord(record: FleetRecord, nowMs: number): readonly WebhookEvent[] {
    const state = presentState(record);
    const view = viewOf({ ...record, session: { ...record.session, state } }, session, nowMs);
    return eventsOf(record, view, nowMs);
  }

  /** What is not written yet, for those that are told. */
  function entriesOf(events: readonly WebhookEvent[], told: readonly Endpoint[]): OutboxEntry[] {
    return events.flatMap(event => {
      const fresh = told.filter(
        ({ key, events }) => events.includes(event.type) && !known.has(`${event.id} ${key}`),
      );
      return fresh.length === 0 ? [] : [{ ...event, endpoints: fresh }];
    });
  }

  async function budgetEvents(): Promise<readonly WebhookEvent[]> {
    if (performance.now() - countedMs < BUDGET_MS) return [];
    const now = await spending();
    countedMs = performance.now();
    return now !== undefined && isNearlySpent(now) ? [budgetEvent(now, Date.now())] : [];
  }

  return {
    async record() {
      const enabled = await outbox.enabled(endpoints);
      const { records, nowMs } = await outbox.sessions(lookedMs);
      const told = endpoints.filter(({ key }) => enabled.has(key));
      const ofSessions = records.flatMap(record => {
        const { overMs = Number.POSITIVE_INFINITY } = record;
        const since = told.filter(({ key }) => overMs >= (enabled.get(key) ?? 0));
        return since.length === 0 ? [] : entriesOf(eventsOfRecord(record, Date.now()), since);
      });
      const entries = [...ofSessions, ...entriesOf(await budgetEvents(), told)];
      if (entries.length > 0) await outbox.add(entries);
      if (known.size > MAX_KNOWN) known.clear();
      for (const entry of entries) for (const { key } of entry.endpoints) known.add(`${entry.id} ${key}`);
      lookedMs = nowMs;
    },
    forget() {
      lookedMs = undefined;
    },
  };
}
