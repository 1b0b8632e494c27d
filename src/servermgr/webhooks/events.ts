import { createHash } from 'node:crypto';
import type { WebhookEventType } from '../../config/webhook-events.ts';
import type { Spending } from '../database/admission.ts';
import type { FleetRecord } from '../database/records.ts';
import { type SessionView, wasNeverReady } from '../fleet/view.ts';

/** Something that endpoints are told. */
export interface WebhookEvent {
  /** The same for the same event, whoever sees it, and whenever. */
  readonly id: string;
  readonly type: WebhookEventType;
  readonly session: string | undefined;
  /** JSON, as it is sent. */
  readonly body: string;
}

/** A supervisor writes its report before it exits: a store that fails for a moment has so long. */
const REPORT_GRACE_MS = 60_000;

/**
 * What is to be told of a session, by what is known of it: everything that has happened by now, whether it was told or
 * not. Each kind is told once; one that seemed lost, and whose report is found, has ended after all.
 */
export function eventsOf(record: FleetRecord, view: SessionView, nowMs: number): readonly WebhookEvent[] {
  const { confirmedMs } = record;
  const { readyMs } = view;
  const end = endOf(record, view, nowMs);
  return [
    ...(confirmedMs === undefined ? [] : [sessionEvent('session.started', confirmedMs, record, view)]),
    ...(readyMs === undefined ? [] : [sessionEvent('session.ready', readyMs, record, view)]),
    ...(end === undefined ? [] : [sessionEvent(end, endMsOf(record, view), record, view)]),
  ];
}

type EndType = 'session.ended' | 'session.failed' | 'session.lost';

/** undefined: it has not ended, or nobody can know yet how. */
function endOf(record: FleetRecord, { phase, ended }: SessionView, nowMs: number): EndType | undefined {
  const { overMs, report, confirmedMs } = record;
  const { state } = record.session;
  // One that is launched again has no end, though its first machine has.
  if (ended === undefined || overMs === undefined || state.phase !== 'ended') return undefined;
  if (report !== undefined) {
    if (phase === 'failed') return 'session.failed';
    return report.saved === 'lost' ? 'session.lost' : 'session.ended';
  }
  if (phase === 'failed' && (confirmedMs === undefined || wasNeverReady(state))) return 'session.failed';
  if (nowMs - overMs < REPORT_GRACE_MS) return undefined;
  return phase === 'failed' ? 'session.failed' : 'session.lost';
}

function endMsOf({ overMs }: FleetRecord, { ended, requestedMs }: SessionView): number {
  return ended?.atMs ?? overMs ?? requestedMs;
}

/** No id of a session is in it, which is as secret as its page, and nothing of who took part but how many they were. */
function sessionEvent(
  type: WebhookEventType,
  atMs: number,
  record: FleetRecord,
  view: SessionView,
): WebhookEvent {
  const { name, world, requestedMs, readyMs } = view;
  const { report, session } = record;
  const { state } = session;
  const isEnd = type !== 'session.started' && type !== 'session.ready';
  const endMs = isEnd ? endMsOf(record, view) : undefined;
  const data = {
    session: name,
    world,
    phase: isEnd ? view.phase : type === 'session.ready' ? 'ready' : 'starting',
    requestedAt: momentOf(requestedMs),
    readyAt: type === 'session.started' ? null : momentOf(readyMs),
    endedAt: momentOf(endMs),
    durationSeconds: endMs === undefined ? null : Math.max(0, Math.round((endMs - requestedMs) / 1_000)),
    exitCode: isEnd
      ? (report?.exitCode ?? (state.phase === 'ended' ? state.exitCode : undefined) ?? null)
      : null,
    saved: (isEnd ? report?.saved : undefined) ?? null,
    peakPeople: (isEnd ? report?.peak : undefined) ?? null,
  };
  return event({ type, atMs, of: session.id, session: name, data });
}

/** Little is left of the day's money: told once a day, by UTC. */
export function budgetEvent({ atMost, budget }: Spending, nowMs: number): WebhookEvent {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const data = { day, atMostDollars: Number(atMost.toFixed(2)), budgetDollars: budget };
  return event({ type: 'budget.warning', atMs: nowMs, of: day, session: undefined, data });
}

interface EventFacts extends Pick<WebhookEvent, 'type' | 'session'> {
  readonly atMs: number;
  /** What it happened to. */
  readonly of: string;
  readonly data: unknown;
}

function event({ type, atMs, of, session, data }: EventFacts): WebhookEvent {
  const hash = createHash('sha256').update(`webhook ${type} ${of}`).digest('base64url').slice(0, 22);
  return {
    id: `msg_${hash}`,
    type,
    session,
    body: JSON.stringify({ type, timestamp: momentOf(atMs), data }),
  };
}

function momentOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
