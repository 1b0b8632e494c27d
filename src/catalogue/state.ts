import { standingOf } from '../journal/reader/standing.ts';
import type { StoredObject } from '../store/store.ts';
import type { JournalFacts, ReportFacts } from './facts.ts';

/** What lies at a destination of one session. */
export type State =
  /** It runs: its journal is being written. */
  | 'live'
  /** A recovery is making the archive. */
  | 'recovering'
  /** The archive is there, as its report says. */
  | 'saved'
  /** The archive is there, and lacks what could not be read or packed, or has another size than its report says. */
  | 'damaged'
  /** The journal holds it, and `recover` makes the archive. */
  | 'journal'
  /** Its report tells of an archive or a journal that is not there. */
  | 'missing'
  /** It has claimed its name, and no more is there: it runs without a journal, or has died. */
  | 'incomplete'
  /** Its report says that it could not be saved. */
  | 'lost'
  /** Nothing was played, so there was nothing to save. */
  | 'empty';

/** A state, and a sentence on why it is that where that is no matter of course. */
export interface Judged {
  readonly state: State;
  readonly why?: string | undefined;
}

/** All that is known of one run of a session. */
export interface Evidence {
  readonly report: ReportFacts | undefined;
  /** The key of a report that cannot be read as one. */
  readonly damagedReport: string | undefined;
  readonly journals: readonly JournalFacts[];
  /** The object at the key that the report, or else the session's name, leads to. */
  readonly archive: StoredObject | undefined;
  /** It is not there, and the report says that it was saved at another destination. */
  readonly isElsewhere: boolean;
}

/** States in which nobody needs to do anything. */
const AT_REST: ReadonlySet<State> = new Set(['live', 'recovering', 'saved', 'empty']);

/** Whether what was recorded is in no archive, or not all of it, and nobody is at it. */
export function isUnsaved(state: State): boolean {
  return !AT_REST.has(state);
}

/** @param nowMs by this machine's clock: asking for the store's takes the right to write */
export function judge(evidence: Evidence, nowMs: number): Judged {
  const { report, journals } = evidence;
  const standings = journals.map(journal => ({ journal, ...standingOf(witnessesOf(journal), nowMs) }));
  const taken = standings.find(({ kind }) => kind === 'taken')?.journal.fence;
  if (report?.saved !== 'archive') {
    if (taken !== undefined && taken.state !== 'ended')
      return { state: 'recovering', why: `by ${taken.host} since ${taken.since}` };
    if (report === undefined && standings.some(({ kind }) => kind === 'written')) return { state: 'live' };
  }
  return report === undefined ? judgeUnreported(evidence) : judgeReport(report, evidence);
}

function judgeReport(report: ReportFacts, { journals, archive, isElsewhere }: Evidence): Judged {
  switch (report.saved) {
    case 'nothing-to-save':
      return { state: 'empty' };
    case 'lost':
      return { state: 'lost' };
    case 'journal':
      return journals.length > 0
        ? { state: 'journal', why: unreadableIn(journals) }
        : { state: 'missing', why: 'its report says that the journal holds it, and there is no journal' };
    case 'archive':
      if (isElsewhere) return { state: 'saved', why: `at ${report.archive?.url}, which was not looked at` };
      if (archive === undefined) return { state: 'missing', why: 'its archive is not where its report says' };
      if (report.archive !== undefined && archive.bytes !== report.archive.bytes)
        return {
          state: 'damaged',
          why: `its archive has ${archive.bytes} bytes, and ${report.archive.bytes} by its report`,
        };
      if (report.faults > 0)
        return {
          state: 'damaged',
          why: `${report.faults === 1 ? 'one fault' : `${report.faults} faults`}, as its report tells`,
        };
      return { state: 'saved' };
    default:
      return report.saved satisfies never;
  }
}

function judgeUnreported({ journals, archive, damagedReport }: Evidence): Judged {
  const noReport = damagedReport === undefined ? 'it has no report' : `${damagedReport} is no report`;
  const isEnded = ({ status, fence }: JournalFacts) => status?.state === 'saved' || fence?.state === 'ended';
  if (journals.some(isEnded))
    return archive === undefined
      ? { state: 'missing', why: 'its journal says that the archive is saved, and there is none' }
      : { state: 'saved', why: `${noReport}, and its journal is not deleted yet` };
  if (journals.length > 0) return { state: 'journal', why: unreadableIn(journals) };
  if (archive !== undefined) return { state: 'saved', why: noReport };
  return damagedReport === undefined
    ? { state: 'incomplete', why: 'only its claim is there: it has died, or runs without a journal' }
    : { state: 'incomplete', why: `${noReport}, and there is no archive` };
}

function unreadableIn(journals: readonly JournalFacts[]): string | undefined {
  return journals.find(({ unreadable }) => unreadable !== undefined)?.unreadable;
}

function witnessesOf({ status, fence, lastWrittenMs, heedsFences }: JournalFacts) {
  return { status, fence, lastWrittenMs, heedsFences };
}
