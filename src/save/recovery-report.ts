import type { FoundJournal } from '../journal/reader/find.ts';
import { putReport } from '../report/put.ts';
import { type FoundReport, formatReport, parseReport } from '../report/schema.ts';
import { isReportName, REPORT_NAME } from '../report/session-folder.ts';
import { digestOf, readText } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { keyOf, placeOf } from './archive-name.ts';
import { type RecoveredSession, SMALL_BYTES } from './recovery-plan.ts';

/**
 * Writes `session.json`: what the session itself reported, if it could, and what was recovered; that of another run stays
 * as it is.
 */
export async function putRecoveryReport(
  store: Store,
  journal: FoundJournal,
  {
    archiveKey,
    reportKey,
    archive: { bytes, sha256 },
    ...recovery
  }: RecoveredSession & { readonly journalKept: boolean },
  signal: AbortSignal,
): Promise<void> {
  const run = recovery.run ?? journal.run;
  const reports = await readOwnReports(store, journal, run, signal);
  const own = reports.find(isOfSession) ?? reports[0];
  const { root } = placeOf(journal.session);
  // As the session itself would name it: whoever recovers may look from further up.
  const key = root === '' ? archiveKey : archiveKey.slice(root.length + 1);
  const report = formatReport({
    format: 1,
    ...own,
    ...(recovery.session === undefined ? {} : { session: recovery.session }),
    run,
    labels: own?.labels ?? recovery.labels,
    saved: 'archive',
    recover: undefined,
    earlierArchive: own?.archive,
    recovered: true,
    recoveredAt: new Date().toISOString(),
    coveredUntil: recovery.coveredUntil,
    complete: recovery.isFinished,
    tailsMissing: recovery.waiting.paths,
    problems: recovery.problems,
    files: recovery.files,
    notPacked: recovery.notPacked,
    journalKept: recovery.journalKept,
    archive: { url: `${store.url}/${archiveKey}`, key, bytes, sha256, verified: true },
  });
  // Where the session has saved an archive after all, its own report stays as it is.
  const isOwn = (found: FoundReport) => isReportOf(found, journal, run) && !isOfSavedSession(found);
  await putReport(store, reportKey, report, { isOwn, signal });
}

/**
 * Whether the session itself saved its archive, and was cut off before it could delete its journal: the archive is read,
 * since another program may have one at that key, of that size.
 */
export async function isSavedAlready(
  store: Store,
  journal: FoundJournal,
  signal: AbortSignal,
): Promise<boolean> {
  if (journal.status?.state === 'saved' || journal.fence?.state === 'ended') return true;
  const reports = await readOwnReports(store, journal, journal.run, signal);
  const archive = reports.find(isOfSavedSession)?.archive;
  if (archive === undefined) return false;
  const archiveKey = keyOf(placeOf(journal.session).root, archive.key);
  const digest = await digestOf(store, archiveKey, signal, archive.sha256);
  return archive.sha256 !== undefined && digest?.sha256 === archive.sha256;
}

function isOfSession({ recovered }: FoundReport): boolean {
  return recovered !== true;
}

/** An archive of a recovery is of one journal of the session, which may have begun another one since. */
function isOfSavedSession(report: FoundReport): boolean {
  return isOfSession(report) && report.saved === 'archive';
}

/** The reports of the session that wrote a journal, its own and of recoveries, among those of other runs of its name. */
async function readOwnReports(
  store: Store,
  journal: FoundJournal,
  run: string | undefined,
  signal: AbortSignal,
): Promise<FoundReport[]> {
  const { session, siblings } = journal;
  const reports: FoundReport[] = [];
  // It may have been put since the journal was found.
  for (const name of new Set([REPORT_NAME, ...siblings.filter(isReportName)])) {
    const text = await readText(store, keyOf(session, name), { maxBytes: SMALL_BYTES, signal });
    const report = parseReport(text ?? '');
    if (report !== undefined && isReportOf(report, journal, run)) reports.push(report);
  }
  return reports;
}

/** Whether a report is of the run that wrote a journal; those of earlier versions name the journal alone. */
function isReportOf(
  report: FoundReport,
  { session, prefix }: FoundJournal,
  run: string | undefined,
): boolean {
  if (report.run !== undefined) return report.run === run;
  const written = report.journal?.prefix;
  return written !== undefined && keyOf(placeOf(session).root, written) === prefix;
}
