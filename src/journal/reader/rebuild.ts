import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unlessMissing } from '../../files/errno.ts';
import type { Store } from '../../store/store.ts';
import { toText } from '../format/byte-path.ts';
import { type JournalAbout, type SegmentIndex, segmentKey } from '../format/schema.ts';
import { type FoundJournal, findJournals } from './find.ts';
import { readSegments } from './read.ts';
import { createReplay, replaySegment } from './replay.ts';
import { assertRoom } from './room.ts';
import { type WriteSummary, writeFiles } from './write-files.ts';

export interface RecoverOptions {
  readonly destination: Store;
  /** The journal's own prefix, e.g. `<TIMESTAMP>/journal`. */
  readonly prefix: string;
  /** Absolute path of the folder to make; it must not exist, or be empty. */
  readonly folder: string;
  /** Where an archive is to be made of it, if that is a folder: there is to be room for both. */
  readonly archiveFolder?: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: (segments: number, of: number) => void;
}

export interface Recovered extends Readonly<WriteSummary> {
  /** undefined: not a single segment and no status could be read. */
  readonly about: JournalAbout | undefined;
  /** Whose journal it is; undefined: as above. */
  readonly run: string | undefined;
  readonly segments: number;
  /** Segments that are missing, damaged or in doubt, by name. */
  readonly problems: readonly { readonly segment: string; readonly why: string }[];
  /** What was written before this is here, problems and `waiting` apart: ISO 8601, by the clock of the session. */
  readonly coveredUntil: string | undefined;
  /** The journal was ended by its session: nothing is missing but what `problems` names. */
  readonly isFinished: boolean;
  /** Files that are known to have changed after what is here of them; a hundred are named. */
  readonly waiting: { readonly files: number; readonly bytes: number; readonly paths: readonly string[] };
}

/**
 * Rebuilds a working directory from its journal. Works in `<folder>.part` and renames at the end: interrupted at any
 * point, it is simply run again. Changes nothing at the store. A segment that is missing or damaged becomes a problem
 * of the result, and all the others are replayed.
 * @throws when there is no journal, when the store cannot be read, and when the disk is too full
 */
export async function recoverJournal(options: RecoverOptions): Promise<Recovered> {
  const { destination, prefix, folder, signal } = options;
  const journal = (await findJournals(destination, `${prefix}/`, signal)).find(
    found => found.prefix === prefix,
  );
  if (journal === undefined) throw new Error(`no journal at ${destination.url}/${prefix}`);
  await assertEmpty(folder);
  await assertFreeSpace(options, journal);
  const part = `${folder}.part`;
  await rm(part, { recursive: true, force: true });
  const replayed = await replayAll(options, journal, join(part, 'contents'));
  const summarised = summarise(journal, replayed);
  const time = new Date(summarised.coveredUntil ?? 0);
  const summary = await writeFiles(replayed.replay, join(part, 'tree'), time);
  await rename(join(part, 'tree'), folder);
  await rm(part, { recursive: true, force: true });
  return { ...summary, ...summarised };
}

type ReplayResult = Awaited<ReturnType<typeof replayAll>>;

async function replayAll(
  { destination, prefix, signal, onProgress }: RecoverOptions,
  journal: FoundJournal,
  folder: string,
) {
  const replay = await createReplay(folder);
  const problems: { segment: string; why: string }[] = [];
  let last: SegmentIndex | undefined;
  const run = journal.status?.run;
  for await (const read of readSegments({
    destination,
    prefix,
    signal,
    first: 1,
    last: journal.segments,
    run,
  })) {
    signal.throwIfAborted();
    const segment = segmentKey(read.sequence);
    if ('fault' in read) problems.push({ segment, why: read.fault });
    else if (read.segment !== undefined) {
      if (read.doubt !== undefined) problems.push({ segment, why: read.doubt });
      await replaySegment(replay, read.segment);
      last = read.segment.index;
    }
    onProgress?.(read.sequence, journal.segments);
  }
  for (const { sequence, path } of replay.contradictions) {
    problems.push({
      segment: segmentKey(sequence),
      why: `it contradicts what came before it of ${toText(path)}`,
    });
  }
  return { replay, problems, last };
}

function summarise(
  { status, segments }: FoundJournal,
  { problems, last }: ReplayResult,
): Omit<Recovered, keyof WriteSummary> {
  const isStatusNewer = status !== undefined && status.sequence >= (last?.sequence ?? 0);
  const latest = isStatusNewer ? status : last;
  return {
    about: latest?.about,
    run: latest?.run,
    segments,
    problems,
    coveredUntil: latest?.coveredUntil,
    isFinished: status?.state === 'finished' && problems.length === 0,
    waiting: {
      files: latest?.waiting.files ?? 0,
      bytes: latest?.waiting.bytes ?? 0,
      paths: latest?.waiting.paths.map(toText) ?? [],
    },
  };
}

async function assertEmpty(folder: string): Promise<void> {
  const names = (await unlessMissing(readdir(folder))) ?? [];
  if (names.length > 0) throw new Error(`${folder} is not empty: name a folder that does not exist`);
}

/** For folders, links and the file system's own needs. */
const SPARE_BYTES = 64 * 1024 * 1024;
const SPARE_FILES = 1000;
/** The last segment has the space that is needed; if it is damaged, one of those before it does. */
const CONSULTED_FOR_SPACE = 8;

async function assertFreeSpace(
  { destination, prefix, folder, archiveFolder, signal }: RecoverOptions,
  journal: FoundJournal,
): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const first = Math.max(1, journal.segments - CONSULTED_FOR_SPACE + 1);
  const run = journal.status?.run;
  let [space, files] = [0, 0];
  let codec: JournalAbout['codec'] | undefined;
  for await (const read of readSegments({
    destination,
    prefix,
    signal,
    first,
    last: journal.segments,
    run,
  })) {
    if (read.segment === undefined) continue;
    const { index } = read.segment;
    [space, files] = [Math.max(space, index.space), Math.max(files, index.files ?? 0)];
    ({ codec } = index.about);
  }
  const rebuilt = { what: 'the files', bytes: space + SPARE_BYTES, files: files + SPARE_FILES };
  // What is compressed in the journal takes about as much in the archive.
  const archive = {
    what: 'the archive',
    bytes: codec === 'none' ? space : Math.min(space, journal.bytes),
    files: 0,
  };
  await assertRoom([
    { folder: dirname(folder), ...rebuilt },
    ...(archiveFolder === undefined ? [] : [{ folder: archiveFolder, ...archive }]),
  ]);
}
