import type { CatalogueEntry } from '../catalogue/entry.ts';
import type { JournalFacts } from '../catalogue/facts.ts';
import { openIndex } from '../catalogue/indexed-archive.ts';
import { readWholeReport } from '../catalogue/whole-report.ts';
import { readSegments } from '../journal/reader/read.ts';
import { isBug } from '../runtime/bug.ts';
import { errorText } from '../runtime/text.ts';
import { StoreSilentError } from '../store/silence.ts';
import { DeniedError, type Store } from '../store/store.ts';
import { verifyArchive } from './archive.ts';
import type { Finding, FindingKind } from './finding.ts';

export interface VerifyOptions {
  readonly signal: AbortSignal;
  /** Called with what has been read of archives. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * What is wrong with what lies there of one run of a session. Everything of it is read: report, archive, journal. One
 * that runs, or is being recovered, is left alone.
 * @throws when the store cannot be read
 */
export async function verifySession(
  destination: Store,
  entry: CatalogueEntry,
  options: VerifyOptions,
): Promise<Finding[]> {
  if (entry.state === 'live' || entry.state === 'recovering') return [];
  const report = await readWholeReport(destination, entry, options.signal);
  const archive = await verifyArchive(destination, entry, report, options);
  const isArchiveSound = archive.length === 0 && entry.archive !== undefined;
  return [
    ...verifyFacts(entry),
    ...archive,
    ...(await verifyIndex(destination, entry, options.signal)),
    ...(await verifyJournals(destination, entry, isArchiveSound, options.signal)),
  ];
}

/** What is wrong by what a catalogue tells, and by nothing that has to be read. */
export function verifyFacts(entry: CatalogueEntry): Finding[] {
  const { state, archive, report, journals, url, session, damagedReport, amendment } = entry;
  const told = report?.archive;
  const found: Finding[] = [];
  const add = (kind: FindingKind, text: string, remedy: string) =>
    found.push({ kind, session, url, text, remedy });
  if (damagedReport !== undefined)
    add('report-damaged', `${damagedReport} is no report`, 'look for it in older versions of the bucket');
  else if (report === undefined && archive !== undefined && journals.length === 0)
    add(
      'report-missing',
      'its archive has no report, as of the script that was before this program',
      'nothing, if it is of that; else look for the report in older versions of the bucket',
    );
  if (report?.saved === 'archive' && archive === undefined && state === 'missing')
    add('archive-missing', 'its archive is not where its report says', ELSEWHERE);
  if (archive !== undefined && told !== undefined && archive.bytes !== told.bytes)
    add('archive-size', `its archive has ${archive.bytes} bytes, and ${told.bytes} by its report`, ELSEWHERE);
  if (report !== undefined && report.faults > 0)
    add(
      'archive-incomplete',
      `its archive lacks what could not be read or packed: ${report.faults === 1 ? 'one fault' : `${report.faults} faults`}`,
      journals.length > 0
        ? `craftassist-session recover ${url}, once it can be read; or with --discard-damaged, to give up the rest`
        : `craftassist-session show ${url} names what is missing`,
    );
  if (report?.saved === 'journal' && journals.length === 0)
    add('journal-missing', 'its report says that the journal holds it, and there is none', ELSEWHERE);
  if (amendment !== undefined)
    add(
      'amendment-left',
      `its archive was being replaced by ${amendment.host} since ${amendment.since}, which has not ended`,
      `run it again, unless it still runs: craftassist-session amend --yes ${url} <folder>; until then the old archive may be there`,
    );
  if (state === 'missing' && report === undefined)
    add('archive-missing', 'its journal says that the archive is saved, and there is none', ELSEWHERE);
  if (state === 'journal')
    add('not-recovered', 'only its journal holds it', `craftassist-session recover ${url}`);
  if (state === 'incomplete')
    add(
      'incomplete',
      'it has begun, and nothing tells what became of it',
      'see whether its container runs: what it has not saved yet is only there',
    );
  if (state === 'lost')
    add('lost', 'its report says that it could not be saved', 'nothing, unless its container is still there');
  return found;
}

/** Nothing depends on an index, and everything that it has is in the archive. */
async function verifyIndex(
  destination: Store,
  { index, session, url }: CatalogueEntry,
  signal: AbortSignal,
): Promise<Finding[]> {
  if (index === undefined) return [];
  try {
    await openIndex(destination, index, signal);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (isBug(error) || error instanceof StoreSilentError || error instanceof DeniedError) throw error;
    const text = `the index of its archive cannot be read: ${errorText(error)}`;
    const remedy = `delete ${destination.url}/${index}: cat then reads the archive from its beginning`;
    return [{ kind: 'index-damaged', session, url, text, remedy }];
  }
}

const ELSEWHERE = 'look for it in older versions of the bucket, in backups, or with whoever moved it';

async function verifyJournals(
  destination: Store,
  { journals, url, session, report, state }: CatalogueEntry,
  isArchiveSound: boolean,
  signal: AbortSignal,
): Promise<Finding[]> {
  const found: Finding[] = [];
  const isSaved = report?.saved === 'archive' || state === 'saved';
  for (const journal of journals) {
    const at = `${destination.url}/${journal.prefix}`;
    const faults = await faultsIn(destination, journal, signal);
    if (faults.length > 0)
      found.push({
        ...{ kind: 'journal-damaged', session, url: at },
        text: `${faults.length} of ${journal.segments} segments cannot be read: ${faults[0]}`,
        remedy: `craftassist-session recover ${url} saves the rest, and keeps the journal`,
      });
    else if (isSaved && isArchiveSound && (report?.faults ?? 0) === 0)
      found.push({
        ...{ kind: 'journal-left', session, url: at },
        text: 'its archive is whole, and its journal is still there',
        remedy: `craftassist-session recover ${url} deletes it`,
      });
  }
  return found;
}

/** @returns a sentence for each segment that cannot be read */
async function faultsIn(
  destination: Store,
  { prefix, segments, run, unreadable }: JournalFacts,
  signal: AbortSignal,
): Promise<string[]> {
  if (unreadable !== undefined) return [unreadable];
  const faults: string[] = [];
  for await (const read of readSegments({ destination, prefix, signal, first: 1, last: segments, run })) {
    if ('fault' in read) faults.push(read.fault);
    else if ('doubt' in read && read.doubt !== undefined) faults.push(read.doubt);
  }
  return faults;
}
