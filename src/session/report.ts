import type { Presence } from '../minecraft/player-count.ts';
import type { Child } from '../process/child.ts';
import { describeExit, type ExitStatus } from '../process/exit-status.ts';
import type { Report } from '../report/schema.ts';
import { archiveReport } from '../save/archive-report.ts';
import { describeSilent } from './dashboard.ts';
import { describeEndReason, type EndReason, exitCode } from './end-reason.ts';
import type { HostInfo } from './host-info.ts';
import type { SessionJournal } from './journal.ts';
import type { SessionResult } from './result.ts';
import type { ProcessesResult } from './run-processes.ts';
import type { SessionRuntime } from './runtime.ts';

/** What the report tells besides the result itself. */
export interface ReportContext extends HostInfo {
  readonly startedAtMs: number;
  readonly notices: readonly string[];
}

/** A session's result as plain data: `session.json`, and what the last log line and the summary tell. */
export function makeReport(
  { config, status, claims, signals }: SessionRuntime,
  { end, run, saved, archive, journal, notices }: SessionResult,
  context: ReportContext,
): Report {
  const { serverStatus, gameServer, monitor, dashboard } = run?.processes ?? {};
  const missing = dashboard?.missing() ?? [];
  return {
    format: 1,
    session: sessionName(archive, journal) ?? config.timestamp,
    run: claims.claimant.run,
    labels: config.labels && { ...config.labels },
    end: endReport(end),
    saved: saved.how,
    recover: saved.how === 'journal' ? saved.recover : undefined,
    exitCode: exitCode(end, saved, {
      abortedBy: signals.abortedBy(),
      hasBug: signals.hasUncaught(),
      hasBugInSaving: archive?.hasBug === true,
    }),
    startedAt: new Date(context.startedAtMs).toISOString(),
    endedAt: new Date().toISOString(),
    phases: status.phases(),
    children: run === undefined ? [] : childReports(run, context.oomKills),
    oomKills: context.oomKills,
    server: serverStatus && { version: serverStatus.version, protocol: serverStatus.protocol },
    serverOutput: gameServer?.output,
    people: monitor && peopleReport(monitor.people()),
    names: config.reportNames && run !== undefined ? namesReport(run) : undefined,
    survivors: (run?.shutdown.leftovers ?? []).map(({ stoppedBy, ...leftover }) => {
      return { ...leftover, stoppedBy: [...stoppedBy] };
    }),
    incomplete: [...(run?.incomplete ?? [])],
    archive: archive?.how === 'archive' ? archiveReport(archive) : undefined,
    journal: journal && journalReport(journal),
    faults: [...(archive?.faults ?? [])],
    notices: [
      ...context.notices,
      ...(gameServer?.notices ?? []),
      ...(missing.length === 0 ? [] : [`At the end ${describeSilent(missing)}.`]),
      ...notices,
    ],
    supervisor: { ...context.version, node: process.version },
    droidlet: context.droidlet,
    ecs: context.ecs,
  };
}

/** In session.json the reason's name is `by`; an error of the supervisor's own is in its text. */
function endReport(end: EndReason): Report['end'] {
  const { kind, ...fields } = end;
  return { by: kind, ...(end.kind === 'bug' ? {} : fields), text: describeEndReason(end) };
}

function childReports({ processes, shutdown }: ProcessesResult, oomKills = 0): Report['children'] {
  return processes.children.map(child => {
    const record = shutdown.records.get(child);
    const exit = record?.exit;
    const killedByUs = record?.steps.includes('SIGKILL') ?? false;
    return {
      name: child.name,
      pid: child.pid,
      exit,
      text: exit === undefined ? 'could not be killed' : describeExit(exit),
      ms: lifetimeMs(child),
      stoppedBy: [...(record?.steps ?? [])],
      // The kernel counts its kills for the whole container: it was this child, or one of its own.
      outOfMemory: wasKilled(exit) && !killedByUs && oomKills > 0,
    };
  });
}

/** By SIGKILL, or a shell says so of its child by 128 + 9. */
function wasKilled(exit: ExitStatus | undefined): boolean {
  if (exit === undefined) return false;
  return 'signal' in exit ? exit.signal === 'SIGKILL' : 'code' in exit && exit.code === 137;
}

function lifetimeMs({ startedAtMs, endedAtMs }: Child): number | undefined {
  return endedAtMs === undefined ? undefined : Math.round(endedAtMs - startedAtMs);
}

function peopleReport({
  peak,
  dashboardPeak,
  firstJoinedMs,
  personMs,
  presentMs,
  changes,
  changesForgotten,
}: Presence): Report['people'] {
  return {
    ...{ peak, dashboardPeak, firstJoinedMs, personMs, presentMs },
    ...{ changes: [...changes], changesForgotten },
  };
}

/** Where it is saved, the session has a name of its own. */
function sessionName(archive: SessionResult['archive'], journal: SessionJournal | undefined) {
  return archive?.how === 'archive' ? archive.session : journal?.started()?.name;
}

function journalReport({ started }: SessionJournal): Report['journal'] {
  const journal = started()?.journal;
  if (journal === undefined) return { segments: 0, bytes: 0 };
  const { prefix, segments, bytes, failures, greatestLagMs } = journal.report();
  return { prefix, segments, bytes, failures, greatestLagMs: Math.round(greatestLagMs) };
}

/** Personal data: only where it was asked for. */
function namesReport({ processes, serverLog }: ProcessesResult): Report['names'] {
  return {
    online: [...(processes.monitor?.names() ?? [])],
    stays: Array.from(serverLog?.playerSessions ?? [], ([name, stays]) => ({ name, stays: [...stays] })),
  };
}
