import { archiverAhead } from '../archive/archiver-ahead.ts';
import { isalFor } from '../archive/deflate-choice.ts';
import type { Report } from '../report/schema.ts';
import { reportKey } from '../report/session-folder.ts';
import { type ReportTarget, writeReport } from '../report/write.ts';
import { putIndex } from '../save/put-index.ts';
import type { EndReason } from './end-reason.ts';
import type { HostInfo } from './host-info.ts';
import { deleteSessionJournal, startSessionJournal } from './journal.ts';
import { startMonitoring } from './monitoring/monitoring.ts';
import { preflight } from './preflight.ts';
import { makeReport } from './report.ts';
import type { SessionResult } from './result.ts';
import { runProcesses } from './run-processes.ts';
import type { SessionRuntime } from './runtime.ts';
import { saveSession } from './save-session.ts';

/**
 * One session, from the check of its destinations to its report: processes, journal, archive, report. It never rejects.
 * @param notices what is to be reported besides: said of the configuration
 */
export async function runSession(
  runtime: SessionRuntime,
  hostInfo: () => Promise<HostInfo>,
  notices: readonly string[],
): Promise<{ readonly result: SessionResult; readonly report: Report }> {
  const startedAtMs = Date.now();
  await using monitoring = await startMonitoring(runtime);
  const denied = await preflight(runtime);
  const result = denied === undefined ? await runAndSave(runtime) : notStarted(denied);
  const report = makeReport(runtime, result, { startedAtMs, notices, ...(await hostInfo()) });
  monitoring.tellEnd(report);
  const { config, log, startDeadline } = runtime;
  await writeReport(report, {
    targets: await reportTargets(result, runtime),
    workdir: result.run && config.workdir,
    startDeadline: () => startDeadline('report'),
    log,
  });
  const { archive, journal, saved } = result;
  const isAllArchived = saved.how === 'archive' && archive?.how === 'archive' && archive.receipt.verified;
  if (journal !== undefined && isAllArchived) await deleteSessionJournal(journal, archive.receipt, runtime);
  // Last: nobody depends on it.
  await saveIndex(result, runtime);
  return { result, report };
}

function notStarted(end: EndReason): SessionResult {
  const saved = { how: 'nothing-to-save' } as const;
  return { end, run: undefined, saved, archive: undefined, journal: undefined, notices: [] };
}

async function runAndSave(runtime: SessionRuntime): Promise<SessionResult> {
  const { destination, codec, gzipLevel: level, deflate } = runtime.config.save;
  if (destination.kind !== 'inside') runtime.claims.at(destination);
  const journal = await startSessionJournal(runtime);
  // Its start takes as long as a small archive, and the processes take longer to stop.
  using ahead = archiverAhead(isalFor({ codec, level, deflate }, Number.POSITIVE_INFINITY));
  const run = await runProcesses(runtime, ahead.start);
  runtime.status.startPhase('saving');
  return { end: run.end, run, journal, ...(await saveSession(runtime, journal, ahead)) };
}

/** It never rejects. */
async function saveIndex({ archive }: SessionResult, { log, startDeadline }: SessionRuntime): Promise<void> {
  if (archive?.how !== 'archive') return;
  using deadline = startDeadline('archiveIndex');
  await putIndex(archive, { log, signal: deadline.signal });
}

/** Where the archive is; without one wherever the session has a name: the container's disk goes with the container. */
async function reportTargets(
  { archive, run }: SessionResult,
  { config, claims, openStore }: SessionRuntime,
): Promise<ReportTarget[]> {
  if (archive?.how === 'archive') return [{ store: archive.store, key: archive.reportKey }];
  if (run === undefined) return [];
  const { destination, fallback } = config.save;
  const targets: ReportTarget[] = [];
  for (const url of fallback === undefined ? [destination] : [destination, fallback]) {
    const name = url.kind === 'inside' ? undefined : claims.at(url).claimed()?.name;
    if (name !== undefined) targets.push({ store: await openStore(url), key: reportKey(name) });
  }
  return targets;
}
