import { type FoundReport, parseReport } from './schema.ts';

/** What is shown of a session's report, to whoever asks for more than one session. */
export interface SavedReport {
  readonly text: string;
  /** Its end's fixed word; undefined: the session was cut off, or that is not known. */
  readonly by?: string | undefined;
  readonly saved: string;
  /** undefined: the session was cut off, and has been recovered. */
  readonly exitCode: number | undefined;
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
  /** When its archive was made out of its journal; undefined: the session has made it, or there is none. */
  readonly recoveredMs?: number | undefined;
  readonly peak: number | undefined;
  /** For how long there was at least one person, in milliseconds; undefined: it does not tell. */
  readonly presentMs: number | undefined;
  /** The commits of the bot and of the supervisor, as far as they are known. */
  readonly bot: string | undefined;
  readonly supervisor: string | undefined;
  /** What may be missing, each a sentence. */
  readonly incomplete: readonly string[];
  /** The Minecraft names of whoever was there, which are personal data; undefined: it tells none. */
  readonly players: readonly string[] | undefined;
  readonly archive: { readonly key: string; readonly bytes: number } | undefined;
}

/** Whether a report will not change: one whose session left its journal will, when that is recovered. */
export function isFinal({ saved }: SavedReport): boolean {
  return saved !== 'journal';
}

/** @returns undefined when the text is no report: no page fails because of it. */
export function readSavedReport(text: string): SavedReport | undefined {
  const report = parseReport(text);
  return report && savedReportOf(report);
}

/** The same of a report that has been parsed. */
export function savedReportOf(report: FoundReport): SavedReport {
  const { end, people, archive, saved, exitCode, startedAt, endedAt, coveredUntil } = report;
  const { incomplete = [], names } = report;
  return {
    // A session that was cut off could not write why it ended: its report is its recovery's.
    text: end?.text ?? 'it was cut off, and what it had recorded has been recovered',
    by: end?.by,
    ...{ saved, exitCode, archive, incomplete },
    players: names?.stays.map(({ name }) => name),
    startedMs: parseTime(startedAt),
    endedMs: parseTime(endedAt ?? coveredUntil),
    recoveredMs: report.archive === undefined ? undefined : parseTime(report.recoveredAt),
    peak: people?.peak,
    presentMs: people?.presentMs,
    bot: report.droidlet,
    supervisor: report.supervisor?.commit,
  };
}

function parseTime(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
