import { stringify } from 'csv-stringify/sync';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import { CUT_OFF, reasonOf } from '../catalogue/select.ts';
import type { State } from '../catalogue/state.ts';
import { bytesText, durationText, jsonLine, printable } from '../runtime/text.ts';
import { tableLines } from './table.ts';
import type { Terminal } from './terminal.ts';

/** A session for programs: a line of JSON, or of CSV. What is not known is null. */
export interface CatalogueRecord {
  readonly session: string;
  readonly url: string;
  readonly experiment: string | null;
  readonly state: State;
  readonly why: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly lengthMs: number | null;
  readonly end: string | null;
  readonly exitCode: number | null;
  readonly people: number | null;
  readonly bytes: number | null;
  readonly archiveKey: string | null;
  readonly lagMs: number | null;
  readonly newerFormat: number | null;
}

export function recordOf(entry: CatalogueEntry): CatalogueRecord {
  const { session, url, state, archive, report } = entry;
  return {
    ...{ session, url, experiment: entry.experiment ?? null, state, why: entry.why ?? null },
    startedAt: momentOf(entry.startedMs),
    endedAt: momentOf(entry.endedMs),
    lengthMs: entry.lengthMs ?? null,
    end: reasonOf(entry) ?? null,
    exitCode: entry.exitCode ?? null,
    people: entry.people ?? null,
    bytes: entry.bytes ?? null,
    archiveKey: archive?.key ?? report?.archive?.key ?? null,
    lagMs: entry.lagMs ?? null,
    newerFormat: entry.newerFormat ?? null,
  };
}

/** In the order of the columns. */
const COLUMNS: readonly (keyof CatalogueRecord)[] = [
  ...(['session', 'url', 'experiment', 'state', 'why', 'startedAt', 'endedAt', 'lengthMs', 'end'] as const),
  ...(['exitCode', 'people', 'bytes', 'archiveKey', 'lagMs', 'newerFormat'] as const),
];

/** One line of JSON for each session. */
export function jsonLines(entries: readonly CatalogueEntry[]): string[] {
  return entries.map(entry => jsonLine(recordOf(entry)));
}

/** The lines of a CSV in which no cell is a formula: names of folders come from elsewhere. */
export function csvLines(entries: readonly CatalogueEntry[]): string[] {
  const rows = entries.map(entry =>
    Object.fromEntries(
      Object.entries(recordOf(entry)).map(([name, value]) => [
        name,
        typeof value === 'string' ? printable(value) : value,
      ]),
    ),
  );
  return stringify(rows, { header: true, columns: [...COLUMNS], escape_formulas: true })
    .trimEnd()
    .split('\n');
}

const STATE_TEXTS: Readonly<Record<State, string>> = {
  live: 'live',
  recovering: 'being recovered',
  saved: 'saved',
  damaged: 'saved with damage',
  journal: 'journal only',
  missing: 'missing',
  incomplete: 'incomplete',
  lost: 'lost',
  empty: 'nothing to save',
};

const STYLES: Readonly<Record<State, Parameters<Terminal['style']>[0] | undefined>> = {
  ...{ live: 'cyan', recovering: 'cyan', saved: 'green', empty: undefined },
  ...{ damaged: 'yellow', journal: 'yellow', incomplete: 'red', missing: 'red', lost: 'red' },
};

/** What lies there of a session, in a few words. */
export function stateText({ state, lagMs, newerFormat }: CatalogueEntry): string {
  const lag = lagMs === undefined ? '' : `, ${durationText(lagMs)} behind`;
  const format = newerFormat === undefined ? '' : `, format ${newerFormat}`;
  return `${STATE_TEXTS[state]}${lag}${format}`;
}

/** The same in the colour of how urgent it is. */
export function styledState(entry: CatalogueEntry, terminal: Terminal, text = stateText(entry)): string {
  const style = STYLES[entry.state];
  return style === undefined ? text : terminal.style(style, text);
}

/** The sessions as a table for people, its titles first. */
export function catalogueTable(entries: readonly CatalogueEntry[], terminal: Terminal): string[] {
  return tableLines<CatalogueEntry>(
    entries,
    [
      { title: 'SESSION', cell: ({ session }) => printable(session) },
      { title: 'START (UTC)', cell: ({ startedMs }) => minuteText(startedMs), isOptional: true },
      {
        title: 'LENGTH',
        cell: ({ lengthMs }) => (lengthMs === undefined ? '' : durationText(lengthMs)),
        align: 'right',
      },
      { title: 'END', cell: entry => endText(entry), leastWidth: 10 },
      { title: 'PEOPLE', cell: ({ people }) => String(people ?? ''), align: 'right' },
      { title: 'SIZE', cell: ({ bytes }) => (bytes === undefined ? '' : bytesText(bytes)), align: 'right' },
      { title: 'STATE', cell: stateText, style: (entry, text) => styledState(entry, terminal, text) },
    ],
    { columns: terminal.columns, styleTitle: text => terminal.style('bold', text) },
  );
}

function endText(entry: CatalogueEntry): string {
  const reason = reasonOf(entry);
  return reason === CUT_OFF ? 'cut off' : printable(reason ?? '');
}

/** `2026-11-22 11:26`, in UTC. */
function minuteText(ms: number | undefined): string {
  return momentOf(ms)?.slice(0, 16).replace('T', ' ') ?? '';
}

function momentOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
