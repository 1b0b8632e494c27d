import type { SessionSettings } from '../../config/servermgr-config.ts';
import type { Address } from '../../config/session-config.ts';
import type { SavedReport } from '../../report/saved-report.ts';
import { describeStop, type Session, type SessionEnded, type StopReason } from '../launchers/launcher.ts';
import { visitorHash as hash, nameOf, requestedAtMs } from '../session-id.ts';
import { minecraftVersion, type Observation, type Progress, progressOf } from './observation.ts';
import { maxDurationMs, type SessionOrder } from './order.ts';
import { presenceMs } from './presence.ts';
import type { Usual } from './usual.ts';

/** One session as the pages show it. */
export interface SessionView {
  readonly id: string;
  readonly name: string;
  readonly visitorHash: string;
  readonly world: string;
  readonly where: string;
  readonly phase: Phase;
  readonly progress: Progress;
  readonly address: Address | undefined;
  /** The agent's dashboard, as soon as the session is ready; undefined: there is none. */
  readonly dashboard: Address | undefined;
  /** Minecraft's version, e.g. `1.12.2`. */
  readonly version: string | undefined;
  readonly people: number;
  /** The session does not tell how many they are: it is what its status shows, without the agent. */
  readonly isEstimate: boolean;
  readonly everJoined: boolean;
  /** For how long there was at least one person, see presence.ts. */
  readonly presentMs: number;
  /** undefined: that is not known. */
  readonly agentInGame: boolean | undefined;
  readonly requestedMs: number;
  readonly readyMs: number | undefined;
  /** What may be expected of it while it starts. */
  readonly usual: Usual | undefined;
  /** When its time is over, as far as that can be known from outside. */
  readonly endsMs: number | undefined;
  /** When it will end by itself if nobody joins, as far as that can be known from outside. */
  readonly wait: Wait | undefined;
  readonly ended: Ended | undefined;
  readonly costPerHour: number | undefined;
  /** Since when nothing new is known of its machine; undefined: what is shown is new. */
  readonly knownMs: number | undefined;
}

export type Phase = 'starting' | 'ready' | 'ending' | 'ended' | 'failed';

export interface Wait {
  readonly for: 'somebody to join' | 'somebody to come back';
  readonly untilMs: number;
}

export interface Ended {
  readonly atMs: number | undefined;
  /** In plain words, for everybody. */
  readonly text: string;
  /** In the launcher's words, with its paths and accounts: for operators alone. */
  readonly cause: string | undefined;
  readonly stopped: StopReason | undefined;
  readonly report: SavedReport | undefined;
}

export interface SessionFacts {
  readonly session: Session;
  readonly observation: Observation | undefined;
  readonly report: SavedReport | undefined;
  /** What it was asked for with, beside its world. */
  readonly ordered?: SessionOrder | undefined;
  /** Since when nothing new is known of it, if that is so. */
  readonly knownMs?: number | undefined;
  readonly usual?: Usual | undefined;
}

/** A session whose server was ready and has not answered for so long is shutting down. */
const SILENT_MS = 8_000;

/** Combines what the launcher lists, what the probes have observed and what the report says. */
export function viewOf(
  { session, observation, report, ordered, knownMs, usual }: SessionFacts,
  settings: SessionSettings,
  nowMs: number,
): SessionView {
  const { id, visitorHash, world, where, state } = session;
  const now = progressOf({ session, probe: undefined });
  const progress = observation === undefined || observation.progress < now ? now : observation.progress;
  const phase = phaseOf(session, observation, report, nowMs);
  return {
    id,
    name: nameOf(id) ?? id,
    visitorHash,
    world,
    where,
    phase,
    progress,
    address: state.phase === 'running' ? state.address : undefined,
    dashboard: state.phase === 'running' && phase === 'ready' ? state.dashboard?.address : undefined,
    version: minecraftVersion(observation),
    people: phase === 'ready' ? (observation?.people ?? 0) : 0,
    isEstimate: observation?.told === undefined,
    everJoined: observation?.everJoined === true,
    presentMs: presenceMs({ session, observation, report }, nowMs),
    agentInGame: phase === 'ready' ? observation?.told?.agentInGame : undefined,
    requestedMs: requestedAtMs(id) ?? 0,
    readyMs: observation?.readyMs,
    usual: phase === 'starting' ? usual : undefined,
    endsMs:
      phase === 'ready' && observation !== undefined
        ? endOf(observation, maxDurationMs(ordered, settings))
        : undefined,
    wait: phase === 'ready' && observation !== undefined ? waitOf(observation, settings) : undefined,
    ended: state.phase === 'ended' ? endedOf(state, report, progress) : undefined,
    costPerHour: settings.costPerHour ?? session.costPerHour,
    knownMs: state.phase === 'ended' ? undefined : knownMs,
  };
}

/** @param nowMs 0: a server that is silent for a moment counts as ready */
export function phaseOf(
  { state }: Session,
  observation: Observation | undefined,
  report: SavedReport | undefined,
  nowMs: number,
): Phase {
  switch (state.phase) {
    case 'requested':
    case 'provisioned':
      return 'starting';
    case 'running':
      if (observation?.readyMs === undefined) return 'starting';
      return nowMs - (observation.silentMs ?? nowMs) > SILENT_MS ? 'ending' : 'ready';
    case 'ending':
      return 'ending';
    case 'ended':
      return hasFailed(state, observation, report) ? 'failed' : 'ended';
    default:
      return state satisfies never;
  }
}

/** The exit codes of a server that never became ready, a setup that failed, and a configuration at fault. */
const NEVER_READY_CODES: readonly (number | undefined)[] = [10, 13, 64];

/** Whether an exit code alone says that nobody could ever have joined. */
export function wasNeverReady({ exitCode }: Pick<SavedReport, 'exitCode'>): boolean {
  return NEVER_READY_CODES.includes(exitCode);
}

/** Whether nobody could ever have joined it. */
function hasFailed(
  state: SessionEnded,
  observation: Observation | undefined,
  report: SavedReport | undefined,
): boolean {
  if (state.stopped === 'never-ready') return true;
  if (report !== undefined) return wasNeverReady(report);
  return observation?.readyMs === undefined && state.exitCode !== 0;
}

/**
 * How long the supervisor still waits: it does not publish that, but it began to wait at about the moment when its
 * server first answered, and the manager knows the limits that it was given.
 */
function waitOf(observation: Observation, settings: SessionSettings): Wait | undefined {
  const { answeredMs, fromStart, everJoined, everybodyLeftMs, people } = observation;
  const { joinTimeoutMs, emptyTimeoutMs } = settings;
  if (answeredMs === undefined) return undefined;
  const waits: Wait[] = [];
  if (people === 0 && everybodyLeftMs !== undefined && emptyTimeoutMs !== undefined)
    waits.push({ for: 'somebody to come back', untilMs: everybodyLeftMs + emptyTimeoutMs });
  // Only of one that was observed from its start is it known that nobody has joined yet.
  if (people === 0 && !everJoined && fromStart && joinTimeoutMs !== undefined)
    waits.push({ for: 'somebody to join', untilMs: answeredMs + joinTimeoutMs });
  return waits.sort((a, b) => a.untilMs - b.untilMs)[0];
}

/** Of one that was found nobody knows since when it has run. */
function endOf({ answeredMs, fromStart }: Observation, lastsMs: number) {
  return answeredMs === undefined || !fromStart ? undefined : answeredMs + lastsMs;
}

function endedOf(state: SessionEnded, report: SavedReport | undefined, progress: Progress): Ended {
  const { stopped } = state;
  return {
    atMs: report?.endedMs ?? state.atMs,
    text: endText(state, report, progress),
    cause: report === undefined ? state.why : undefined,
    stopped,
    report,
  };
}

function endText(state: SessionEnded, report: SavedReport | undefined, progress: Progress): string {
  if (state.stopped !== undefined) return describeStop(state.stopped);
  if (report !== undefined) return report.text;
  const code = state.exitCode === undefined ? '' : `, with exit code ${state.exitCode}`;
  return progress === 100 ? `it is over${code}` : `its server could not be started${code}`;
}

/** The sessions of one visitor, the newest first. @param visitor the secret of the cookie */
export function viewsOfVisitor(views: readonly SessionView[], visitor: string): readonly SessionView[] {
  const owner = hash(visitor);
  return views
    .filter(({ visitorHash }) => visitorHash === owner)
    .sort((a, b) => b.requestedMs - a.requestedMs);
}

/** A session of which nothing but its report is left. */
export function viewOfReport(
  name: string,
  requestedMs: number,
  report: SavedReport | undefined,
): SessionView {
  const failed = report !== undefined && wasNeverReady(report);
  return {
    id: '',
    name,
    visitorHash: '',
    world: '',
    where: '',
    phase: failed ? 'failed' : 'ended',
    progress: failed ? 75 : 100,
    address: undefined,
    dashboard: undefined,
    version: undefined,
    people: 0,
    isEstimate: false,
    everJoined: (report?.peak ?? 0) > 0,
    presentMs: report?.presentMs ?? 0,
    agentInGame: undefined,
    requestedMs,
    readyMs: undefined,
    usual: undefined,
    endsMs: undefined,
    wait: undefined,
    ended: {
      atMs: report?.endedMs,
      text: report?.text ?? 'it left no report',
      cause: undefined,
      stopped: undefined,
      report,
    },
    costPerHour: undefined,
    knownMs: undefined,
  };
}
