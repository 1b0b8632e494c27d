import type { SavedReport } from '../../report/saved-report.ts';
import { endReasonOf } from '../fleet/end-reason.ts';
import type { Observation } from '../fleet/observation.ts';
import type { SessionOrder } from '../fleet/order.ts';
import { phaseOf } from '../fleet/view.ts';
import { type Session, type SessionState, STOP_REASONS, type StopReason } from '../launchers/launcher.ts';
import type { NewSessionRow, SessionRow } from './schema.ts';
import { readObservation, readOrder, readReport, readState } from './stored-json.ts';

/** All that is known of one session: what its launcher says, what its server answers, and what has been asked for. */
export interface FleetRecord {
  /** As its launcher has described it last. */
  readonly session: Session;
  /** What it was asked for with, beside its world; undefined: nothing. */
  readonly ordered: SessionOrder | undefined;
  readonly observation: Observation | undefined;
  readonly report: SavedReport | undefined;
  /** A hash of the network that asked for it; undefined: it was asked for by somebody trusted. */
  readonly networkHash: string | undefined;
  readonly requestedMs: number;
  /** When the launcher was asked last to launch it; 0: it was found, and nobody here has launched it. */
  readonly launchTriedMs: number;
  /** The launcher has confirmed the launch, or lists the session; undefined: it is not known whether it runs. */
  readonly confirmedMs: number | undefined;
  /** It was asked to end: it is asked until it is gone. */
  readonly stop: { readonly why: StopReason; readonly atMs: number } | undefined;
  /** When it was seen to have ended; undefined: it has its place still. */
  readonly overMs: number | undefined;
  /** When the launcher had nothing of it any more; undefined: pages show it. */
  readonly goneMs: number | undefined;
  readonly changedMs: number;
}

/** The state that counts: whoever was asked to end is ending, whatever the launcher says. */
export function presentState({ session, stop }: FleetRecord): SessionState {
  const { state } = session;
  if (stop === undefined || state.phase === 'ended') return state;
  return { phase: 'ending', stopped: stop.why };
}

export function recordOf(row: SessionRow): FleetRecord {
  return {
    session: {
      id: row.id,
      idempotencyKey: row.idempotency_key,
      visitorHash: row.visitor_hash,
      world: row.world,
      attempt: row.attempt,
      where: row.place,
      state: readState(row.state) ?? { phase: 'requested' },
      costPerHour: row.cost_per_hour ?? undefined,
    },
    ordered: readOrder(row.ordered),
    observation: readObservation(row.observation),
    report: readReport(row.report),
    networkHash: row.network_hash ?? undefined,
    requestedMs: row.requested_ms,
    launchTriedMs: row.launch_tried_ms,
    confirmedMs: row.confirmed_ms ?? undefined,
    stop: stopOf(row),
    overMs: row.over_ms ?? undefined,
    goneMs: row.gone_ms ?? undefined,
    changedMs: row.changed_ms,
  };
}

function stopOf({ stop_reason: reason, stop_ms: atMs }: SessionRow): FleetRecord['stop'] {
  if (reason === null) return undefined;
  // One of a later version: it is stopped all the same.
  const why = STOP_REASONS.find(known => known === reason) ?? 'admin';
  return { why, atMs: atMs ?? 0 };
}

/** The columns that the history is searched by: they follow from the others, and not from the time. */
export function summaryColumns(record: FleetRecord) {
  const { session, observation, report, confirmedMs, overMs } = record;
  const state = presentState(record);
  // It was given up, and another session was found in its place.
  if (overMs !== undefined && state.phase !== 'ended') return { phase: 'failed', end_reason: 'not-launched' };
  return {
    phase: phaseOf({ ...session, state }, observation, report, 0),
    end_reason: endReasonOf({ state, report, wasConfirmed: confirmedMs !== undefined }) ?? null,
  };
}

/** The columns of a session that its observer alone writes. */
export function observedColumns(record: FleetRecord) {
  const { session, observation, report, confirmedMs, overMs, goneMs } = record;
  const { attempt, where, state, costPerHour } = session;
  return {
    attempt,
    place: where,
    cost_per_hour: costPerHour ?? null,
    state: JSON.stringify(state),
    observation: observation === undefined ? null : JSON.stringify(observation),
    report: report === undefined ? null : JSON.stringify(report),
    confirmed_ms: confirmedMs ?? null,
    over_ms: overMs ?? null,
    gone_ms: goneMs ?? null,
    ...summaryColumns(record),
  };
}

export function rowOf(record: FleetRecord): NewSessionRow {
  const { session, ordered, networkHash, requestedMs, launchTriedMs, stop, changedMs } = record;
  return {
    ...observedColumns(record),
    id: session.id,
    idempotency_key: session.idempotencyKey,
    visitor_hash: session.visitorHash,
    network_hash: networkHash ?? null,
    world: session.world,
    ordered: ordered === undefined ? null : JSON.stringify(ordered),
    requested_ms: requestedMs,
    launch_tried_ms: launchTriedMs,
    stop_reason: stop?.why ?? null,
    stop_ms: stop?.atMs ?? null,
    changed_ms: changedMs,
  };
}

/** A session that has just been asked for, or that the launcher lists and no table knew. */
export function newRecord(
  session: Session,
  known: Pick<FleetRecord, 'requestedMs'> & Partial<FleetRecord>,
): FleetRecord {
  return {
    session,
    ordered: undefined,
    observation: undefined,
    report: undefined,
    networkHash: undefined,
    launchTriedMs: known.requestedMs,
    confirmedMs: undefined,
    stop: undefined,
    overMs: undefined,
    goneMs: undefined,
    changedMs: 0,
    ...known,
  };
}
