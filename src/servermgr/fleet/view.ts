import type { SessionSettings } from '../../config/servermgr-config.ts';
import type { Address } from '../../config/session-config.ts';
import { describeStop, type Session, type SessionEnded, type StopReason } from '../launchers/launcher.ts';
import type { SavedReport } from '../saved-sessions.ts';
import { askedAtMs, nameOf } from '../session-id.ts';
import { type Memory, type Progress, progressOf } from './observation.ts';

/** One session as the pages tell of it. */
export interface SessionView {
  readonly id: string;
  readonly name: string;
  readonly visitor: string;
  readonly world: string;
  readonly where: string;
  readonly phase: Phase;
  readonly progress: Progress;
  readonly address: Address | undefined;
  /** Minecraft's version, e.g. `1.12.2`. */
  readonly version: string | undefined;
  readonly people: number;
  readonly askedMs: number;
  readonly readyMs: number | undefined;
  /** When it will end by itself, if nobody comes; as far as it can be told from outside. */
  readonly wait: Wait | undefined;
  readonly ended: Ended | undefined;
  readonly costPerHour: number | undefined;
}

export type Phase = 'starting' | 'ready' | 'ending' | 'ended' | 'failed';

export interface Wait {
  readonly for: 'somebody to join' | 'somebody to come back' | 'the end of its time';
  readonly untilMs: number;
}

export interface Ended {
  readonly atMs: number | undefined;
  readonly text: string;
  readonly stopped: StopReason | undefined;
  readonly report: SavedReport | undefined;
}

export interface Knowledge {
  readonly session: Session;
  readonly memory: Memory | undefined;
  readonly report: SavedReport | undefined;
}

/** A server that was ready and has been silent for so long is on its way out. */
const SILENT_MS = 8_000;

/** Puts together what the launcher, the probes and the report tell. */
export function viewOf(
  { session, memory, report }: Knowledge,
  settings: SessionSettings,
  nowMs: number,
): SessionView {
  const { id, visitor, world, where, state } = session;
  const now = progressOf({ session, probe: undefined });
  const progress = memory === undefined || memory.progress < now ? now : memory.progress;
  const phase = phaseOf(session, memory, report, nowMs);
  return {
    id,
    name: nameOf(id) ?? id,
    visitor,
    world,
    where,
    phase,
    progress,
    address: state.phase === 'running' ? state.address : undefined,
    version: versionOf(memory),
    people: phase === 'ready' ? (memory?.people ?? 0) : 0,
    askedMs: askedAtMs(id) ?? 0,
    readyMs: memory?.readyMs,
    wait: phase === 'ready' && memory !== undefined ? waitOf(memory, settings) : undefined,
    ended: state.phase === 'ended' ? endedOf(state, report, progress) : undefined,
    costPerHour: settings.costPerHour ?? session.costPerHour,
  };
}

function phaseOf(
  { state }: Session,
  memory: Memory | undefined,
  report: SavedReport | undefined,
  nowMs: number,
): Phase {
  switch (state.phase) {
    case 'asked':
    case 'provisioned':
      return 'starting';
    case 'running':
      if (memory?.lastAnswerMs === undefined) return 'starting';
      return nowMs - memory.lastAnswerMs > SILENT_MS ? 'ending' : 'ready';
    case 'ending':
      return 'ending';
    case 'ended':
      return hasFailed(state, memory, report) ? 'failed' : 'ended';
    default:
      return state satisfies never;
  }
}

/** The exit codes of a server that never became ready, a setup that failed, and a configuration at fault. */
const NEVER_PLAYED: readonly (number | undefined)[] = [10, 13, 64];

function wasNeverPlayed({ exitCode }: SavedReport): boolean {
  return NEVER_PLAYED.includes(exitCode);
}

/** Nobody could ever have joined it. */
function hasFailed(
  state: SessionEnded,
  memory: Memory | undefined,
  report: SavedReport | undefined,
): boolean {
  if (state.stopped === 'never-ready' || state.stopped === 'too-many') return true;
  if (report !== undefined) return wasNeverPlayed(report);
  return memory?.readyMs === undefined && state.exitCode !== 0;
}

function versionOf(memory: Memory | undefined): string | undefined {
  const name = memory?.status?.version;
  return name === undefined ? undefined : (/\d+(?:\.\d+)+/.exec(name)?.[0] ?? name);
}

/**
 * The supervisor tells nobody how long it still waits; it follows from when it began to, which is about when its
 * server was first seen to answer, and from the time limits that it was given.
 */
function waitOf(memory: Memory, settings: SessionSettings): Wait | undefined {
  const { readyMs, fromTheStart, everJoined, leftMs, people } = memory;
  const { joinTimeoutMs, emptyTimeoutMs, maxDurationMs } = settings;
  if (readyMs === undefined) return undefined;
  const waits: Wait[] = [];
  if (maxDurationMs !== undefined && fromTheStart)
    waits.push({ for: 'the end of its time', untilMs: readyMs + maxDurationMs });
  if (people === 0 && leftMs !== undefined && emptyTimeoutMs !== undefined)
    waits.push({ for: 'somebody to come back', untilMs: leftMs + emptyTimeoutMs });
  // Whether somebody came and went before this instance looked, it cannot know.
  if (people === 0 && !everJoined && fromTheStart && joinTimeoutMs !== undefined)
    waits.push({ for: 'somebody to join', untilMs: readyMs + joinTimeoutMs });
  return waits.sort((a, b) => a.untilMs - b.untilMs)[0];
}

function endedOf(state: SessionEnded, report: SavedReport | undefined, progress: Progress): Ended {
  const { stopped } = state;
  return {
    atMs: report?.endedMs ?? state.atMs,
    text: endText(state, report, progress),
    stopped,
    report,
  };
}

function endText(state: SessionEnded, report: SavedReport | undefined, progress: Progress): string {
  if (state.stopped !== undefined) return describeStop(state.stopped);
  if (report !== undefined) return report.text;
  if (state.why !== undefined) return state.why;
  const code = state.exitCode === undefined ? '' : `, with exit code ${state.exitCode}`;
  return progress === 100 ? `it is over${code}` : `it ended before it was ready${code}`;
}

/** A session that only the bucket remembers. */
export function viewOfReport(name: string, askedMs: number, report: SavedReport | undefined): SessionView {
  const failed = report !== undefined && wasNeverPlayed(report);
  return {
    id: '',
    name,
    visitor: '',
    world: '',
    where: '',
    phase: failed ? 'failed' : 'ended',
    progress: failed ? 75 : 100,
    address: undefined,
    version: undefined,
    people: 0,
    askedMs,
    readyMs: undefined,
    wait: undefined,
    ended: {
      atMs: report?.endedMs,
      text: report?.text ?? 'it left no report',
      stopped: undefined,
      report,
    },
    costPerHour: undefined,
  };
}
