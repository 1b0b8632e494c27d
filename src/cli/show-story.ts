import { quote } from 'shlex';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import type { JournalFacts } from '../catalogue/facts.ts';
import type { FoundReport } from '../report/schema.ts';
import { bytesText, durationText, printable } from '../runtime/text.ts';
import { stateText, styledState } from './catalogue-rows.ts';
import type { Terminal } from './terminal.ts';

/** A session with its whole report, if it has left one. */
export interface ShownSession {
  readonly entry: CatalogueEntry;
  readonly report: FoundReport | undefined;
}

interface StoryContext {
  /** Below which the keys are. */
  readonly destinationUrl: string;
  readonly terminal: Terminal;
}

/** A session in words, line by line: its state, what happened when, where everything lies, what is to be done. */
export function storyOf({ entry, report }: ShownSession, context: StoryContext): string[] {
  const { terminal } = context;
  const title = (text: string) => terminal.style('bold', text);
  const why = entry.why === undefined ? '' : `: ${printable(entry.why)}`;
  return [
    `${title(printable(entry.session))}  ${styledState(entry, terminal, stateText(entry))}${why}`,
    ...section(title('What happened (UTC)'), timelineOf(entry, report)),
    ...section(title('What is known'), rowsOf(factsOf(entry, report))),
    ...section(title('Where it lies'), rowsOf(placesOf(entry, context))),
    ...section(title('What is missing'), missingOf(report)),
    ...section(title('What to do'), remediesOf(entry)),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map(line => `  ${line}`)];
}

type Row = readonly [name: string, text: string | undefined];

function rowsOf(rows: readonly Row[]): string[] {
  const given = rows.filter(([, text]) => text !== undefined && text !== '');
  const width = Math.max(0, ...given.map(([name]) => name.length));
  return given.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
}

interface Moment {
  readonly atMs: number;
  readonly text: string;
}

function timelineOf(entry: CatalogueEntry, report: FoundReport | undefined): string[] {
  const { startedMs, endedMs, journals } = entry;
  const moments: Moment[] = [];
  const add = (atMs: number | undefined, text: string) => {
    if (atMs !== undefined) moments.push({ atMs, text });
  };
  add(startedMs, 'the session began');
  const phases = report?.phases ?? [];
  let atMs = startedMs ?? 0;
  for (const { phase, ms } of startedMs === undefined ? [] : phases) {
    // People are counted from the start of the agent, and that is when this phase begins.
    if (phase === 'playing') for (const change of changesOf(report)) add(atMs + change.atMs, change.text);
    add(atMs, `${phase}, for ${durationText(ms)}`);
    atMs += ms;
  }
  if (report?.end !== undefined) add(endedMs, `over: ${printable(report.end.text)}`);
  else if (report?.recovered === true) add(endedMs, 'cut off: what was written before this is recovered');
  for (const { lastWrittenMs, status, fence } of journals) {
    add(lastWrittenMs, `the journal was written last${status === undefined ? '' : ` (${status.state})`}`);
    if (fence !== undefined)
      add(fence.putMs, `the journal was taken by ${printable(fence.host)} (${fence.state})`);
  }
  add(entry.report?.recoveredMs, 'recovered out of its journal');
  for (const { at: when, why } of report?.amended ?? [])
    add(timeIn(when), `amended, its archive replaced: ${printable(why)}`);
  return moments
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs: at, text }) => `${secondText(at)}  ${text}`);
}

/** undefined: it is none. */
function timeIn(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

function changesOf(report: FoundReport | undefined): Moment[] {
  return (report?.people?.changes ?? []).map(({ kind, count, atMs }) => ({
    atMs,
    text: `${count === 1 ? 'one person' : `${count} people`} ${kind}`,
  }));
}

function factsOf({ experiment, people, exitCode }: CatalogueEntry, report: FoundReport | undefined): Row[] {
  const { children = [], server, supervisor, droidlet, survivors = [], faults = [] } = report ?? {};
  return [
    ['experiment', experiment && printable(experiment)],
    ['exit code', exitCode === undefined ? undefined : String(exitCode)],
    ['people', people === undefined ? undefined : `${people} at most`],
    ...children.map(
      ({ name, text, ms, outOfMemory }): Row => [
        printable(name),
        `${printable(text)}${ms === undefined ? '' : ` after ${durationText(ms)}`}${outOfMemory ? ', killed for lack of memory' : ''}`,
      ],
    ),
    ['survivors', survivors.map(({ command }) => printable(command)).join(', ')],
    ['Minecraft', server?.version && printable(server.version)],
    ['supervisor', supervisor && printable(`${supervisor.version} (${supervisor.commit})`)],
    ['bot', droidlet && printable(droidlet)],
    ...faults.map((fault): Row => ['fault', printable(fault)]),
  ];
}

function placesOf(
  { archive, report, journals }: CatalogueEntry,
  { destinationUrl, terminal }: StoryContext,
): Row[] {
  const isFolder = destinationUrl.startsWith('file:');
  const at = (key: string) =>
    terminal.hyperlink(
      printable(`${destinationUrl}/${key}`),
      isFolder ? `${destinationUrl}/${encodeURI(key)}` : undefined,
    );
  const elsewhere = archive === undefined ? report?.archive?.url : undefined;
  return [
    ['archive', archive && `${at(archive.key)}  ${bytesText(archive.bytes)}`],
    ['archive', elsewhere && `${printable(elsewhere)}, by its report; it was not found`],
    ['report', report && at(report.key)],
    ...journals.map(
      ({ prefix, segments, bytes }): Row => [
        'journal',
        `${at(prefix)}/  ${segments} segments, ${bytesText(bytes)}`,
      ],
    ),
  ];
}

/** What the report names of what the archive lacks, of each kind the first. */
function missingOf(report: FoundReport | undefined): string[] {
  if (report === undefined) return [];
  const { incomplete = [], problems = [], tailsMissing = [], notPacked, archive } = report;
  const named = (what: string, list: { total: number; first: { path: string; why: string }[] } | undefined) =>
    (list?.first ?? []).map(({ path, why }) => printable(`${path}: ${what} (${why})`));
  return [
    ...incomplete.map(printable),
    ...problems.map(({ segment, why }) => printable(`${segment} of the journal: ${why}`)),
    ...tailsMissing.map(path => printable(`${path}: its last bytes may be missing`)),
    ...named('rebuilt, but not packed', notPacked),
    ...named('not packed', archive?.skipped),
  ];
}

function remediesOf(entry: CatalogueEntry): string[] {
  const { amendment, url } = entry;
  if (amendment !== undefined)
    return [
      `craftassist-session amend --yes ${quote(printable(url))} <folder>, again: what began ${amendment.since} on ${printable(amendment.host)} has not ended`,
    ];
  return remediesOfState(entry);
}

function remediesOfState({ state, url, report, journals }: CatalogueEntry): string[] {
  const recover = `craftassist-session recover ${quote(printable(url))}`;
  switch (state) {
    case 'journal': {
      const isWriterKnown = ({ status, heedsFences }: JournalFacts) =>
        status?.state !== 'writing' || heedsFences;
      const isForced = report?.recover?.includes(' --force ') === true || !journals.every(isWriterKnown);
      return isForced
        ? [`${recover.replace('recover ', 'recover --force ')}, once its session is known to be over`]
        : [recover];
    }
    case 'damaged':
      return journals.length > 0
        ? [
            `${recover}, once what cannot be read is mended`,
            `${recover} --discard-damaged, to give up the rest`,
          ]
        : ['compare the archive with its report: no journal is left to make another one of'];
    case 'missing':
      return ['look for the archive in older versions of the bucket, in backups, or with whoever moved it'];
    case 'incomplete':
      return ['see whether its container runs: what it has not saved yet is only there'];
    case 'live':
      return [`craftassist-session tail ${quote(printable(url))}, to follow its agent.log`];
    case 'recovering':
    case 'saved':
    case 'lost':
    case 'empty':
      return [];
    default:
      return state satisfies never;
  }
}

/** `2026-11-22 11:26:36`, in UTC. */
function secondText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
