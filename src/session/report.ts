import type { SessionConfig } from '../config/session-config.ts';
import type { Presence } from '../minecraft/player-count.ts';
import type { Child } from '../process/child.ts';
import { describeExit } from '../process/exit-status.ts';
import type { EcsTask } from '../runtime/ecs-metadata.ts';
import type { Version } from '../runtime/version.ts';
import type { SavedArchive } from '../save/save.ts';
import { describeEndReason, type EndReason, exitCode } from './end-reason.ts';
import type { SessionJournal } from './journal.ts';
import type { PhaseTime } from './phase-timer.ts';
import type { ProcessesResult } from './run-processes.ts';
import type { SessionResult } from './session.ts';

/** What the report tells besides the outcome itself. */
export interface Circumstances {
  readonly startedAtMs: number;
  readonly phases: readonly PhaseTime[];
  readonly version: Version;
  readonly ecs: EcsTask | undefined;
  /** Out-of-memory kills in the container while the session lasted; undefined: nobody counts them here. */
  readonly oomKills: number | undefined;
  readonly notices: readonly string[];
}

export type Report = ReturnType<typeof makeReport>;

/** The whole story of a session as plain data: `session.json`, and what the last log line and the summary tell. */
export function makeReport(config: SessionConfig, outcome: SessionResult, circumstances: Circumstances) {
  const { end, played, saved, archive } = outcome;
  return {
    format: 1,
    session: config.timestamp,
    end: { ...plainEnd(end), text: describeEndReason(end) },
    saved: saved.how,
    recover: saved.how === 'journal' ? saved.recover : undefined,
    exitCode: exitCode(end, saved),
    startedAt: new Date(circumstances.startedAtMs).toISOString(),
    endedAt: new Date().toISOString(),
    phases: circumstances.phases,
    children: played === undefined ? [] : childReports(played, circumstances.oomKills),
    oomKills: circumstances.oomKills,
    server: played?.stage.status && {
      version: played.stage.status.version,
      protocol: played.stage.status.protocol,
    },
    serverOutput: played?.stage.game?.output,
    people: played?.stage.players && peopleReport(played.stage.players.people()),
    names: config.reportNames && played !== undefined ? namesReport(played) : undefined,
    survivors: played?.stopped.survivors ?? [],
    archive: archive?.how === 'archive' ? archiveReport(archive) : undefined,
    journal: outcome.recording && journalReport(outcome.recording),
    faults: archive?.faults ?? [],
    notices: [...circumstances.notices, ...(played?.stage.game?.notices ?? []), ...outcome.notices],
    supervisor: { ...circumstances.version, node: process.version },
    ecs: circumstances.ecs,
  };
}

function plainEnd(end: EndReason) {
  return end.by === 'bug' ? { by: end.by } : end;
}

function childReports({ stage, stopped }: ProcessesResult, oomKills: number | undefined) {
  return stage.children.map(child => {
    const record = stopped.records.get(child);
    const exit = record?.exit;
    const killedByUs = record?.steps.includes('SIGKILL') ?? false;
    const wasKilled =
      exit !== undefined &&
      ('signal' in exit ? exit.signal === 'SIGKILL' : 'code' in exit && exit.code === 137);
    return {
      name: child.name,
      pid: child.pid,
      exit,
      text: exit === undefined ? 'could not be killed' : describeExit(exit),
      ms: lifetimeMs(child),
      stoppedBy: record?.steps ?? [],
      // The kernel counts its kills for the whole container: it was this child, or one of its own.
      outOfMemory: wasKilled && !killedByUs && oomKills !== undefined && oomKills > 0,
    };
  });
}

function lifetimeMs({ startedAtMs, endedAtMs }: Child): number | undefined {
  return endedAtMs === undefined ? undefined : Math.round(endedAtMs - startedAtMs);
}

function peopleReport({ peak, firstJoinedMs, personMs, changes, changesForgotten }: Presence) {
  return { peak, firstJoinedMs, personMs, changes, changesForgotten };
}

function journalReport({ journal }: SessionJournal) {
  const { prefix, segments, bytes, failures, greatestLagMs } = journal.report();
  return { prefix, segments, bytes, failures, greatestLagMs: Math.round(greatestLagMs) };
}

/** Personal data: only where it was asked for. */
function namesReport({ stage, heard }: ProcessesResult) {
  return {
    online: stage.players?.names() ?? [],
    stays: Array.from(heard?.playerSessions ?? [], ([name, stays]) => ({ name, stays })),
  };
}

function archiveReport({ receipt, summary, tries, ms }: SavedArchive) {
  return {
    ...receipt,
    ...summary,
    tries,
    ms: Math.round(ms),
    bytesPerSecond: Math.round((receipt.bytes / ms) * 1_000),
  };
}
