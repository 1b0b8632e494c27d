import { bytesText } from '../runtime/text.ts';
import type { Report } from './schema.ts';

/** What a person wants to know at the end of a session, in a few lines. */
export function summary(report: Report): string {
  const { archive, children, people, survivors, faults } = report;
  const rows: [string, string | undefined][] = [
    ['session', report.session],
    ['ended', report.end.text],
    ...children.map(({ name, text, ms, outOfMemory }): [string, string] => [
      name,
      `${text}${ms === undefined ? '' : ` after ${seconds(ms)}`}${outOfMemory ? ', killed for lack of memory' : ''}`,
    ]),
    ['people', people === undefined ? undefined : peopleText(people)],
    ['phases', report.phases.map(({ phase, ms }) => `${phase} ${seconds(ms)}`).join(', ')],
    ['survivors', survivors.length === 0 ? undefined : survivors.map(({ command }) => command).join(', ')],
    ...(report.incomplete ?? []).map((text): [string, string] => ['incomplete', text]),
    [
      'archive',
      archive?.url ??
        (report.recover === undefined ? 'NOT SAVED' : 'not yet packed; the journal holds everything'),
    ],
    ['', report.recover],
    ['', archive && archiveText(archive)],
    ...faults.map((fault): [string, string] => ['fault', fault]),
    ['exit code', String(report.exitCode)],
  ];
  const lines = rows.map(([name, text]) => (text === undefined ? undefined : `  ${name.padEnd(10)} ${text}`));
  return ['', ...lines.filter(line => line !== undefined), ''].join('\n');
}

function peopleText({ peak, dashboardPeak = 0, personMs }: NonNullable<Report['people']>): string {
  if (peak === 0) return 'none';
  const where = dashboardPeak === 0 ? '' : ` (${dashboardPeak} at the dashboard)`;
  return `${peak} at most${where}, for ${seconds(personMs ?? 0)} in all`;
}

function archiveText({ bytes, files, bytesPerSecond, sha256 }: NonNullable<Report['archive']>): string {
  const parts = [
    bytesText(bytes),
    files === undefined ? undefined : `${files} files`,
    bytesPerSecond === undefined ? undefined : `${bytesText(bytesPerSecond)}/s`,
    sha256 === undefined ? undefined : `sha256 ${sha256}`,
  ];
  return parts.filter(part => part !== undefined).join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
