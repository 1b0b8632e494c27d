import { join } from 'node:path';
import { archiveStream } from '../archive/archive-stream.ts';
import { zlibDeflater } from '../archive/zlib-deflater.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import type { JournalFacts } from '../catalogue/facts.ts';
import { readIndexed } from '../catalogue/indexed-archive.ts';
import type { ReadArchive } from '../catalogue/read-archive.ts';
import { recoverJournal } from '../journal/reader/rebuild.ts';
import { isBug } from '../runtime/bug.ts';
import { errorText } from '../runtime/text.ts';
import { StoreSilentError } from '../store/silence.ts';
import type { Store } from '../store/store.ts';
import { DamagedArchiveError } from '../unpack/decode.ts';
import { type ArchivedEntry, readTar } from '../unpack/read-tar.ts';
import { openScratch } from './scratch.ts';

/**
 * The entries of a session's archive. When the last one has been taken, its bytes are those that its report tells of.
 * @throws {DamagedArchiveError} by the entries, where it is damaged, or is another one than its report tells of
 */
export async function* entriesOf(
  { entries, sha256 }: ReadArchive,
  { archive, report }: Pick<CatalogueEntry, 'archive' | 'report'>,
): AsyncGenerator<ArchivedEntry, void> {
  yield* entries;
  const expected = report?.archive?.sha256;
  if (expected !== undefined && sha256() !== expected)
    throw new DamagedArchiveError(`${archive?.key} has not the digest that its report tells`);
}

/**
 * The entries of a session's archive by its index.
 * @param onProblem told why that cannot be used
 * @returns undefined: the archive has to be read from its beginning
 */
export async function indexedEntries(
  destination: Store,
  entry: CatalogueEntry,
  { signal, onProblem }: Pick<RebuildOptions, 'signal' | 'onProblem'>,
): Promise<AsyncGenerator<ArchivedEntry, void> | undefined> {
  try {
    return await readIndexed(destination, entry, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (isBug(error) || error instanceof StoreSilentError) throw error;
    onProblem(
      `the index of its archive is of no use, which is read from its beginning instead: ${errorText(error)}`,
    );
    return undefined;
  }
}

/** The journal of a session that was written last; undefined: it has none. */
export function lastJournal({ journals }: Pick<CatalogueEntry, 'journals'>): JournalFacts | undefined {
  return journals.toSorted((a, b) => b.lastWrittenMs - a.lastWrittenMs)[0];
}

interface RebuildOptions {
  readonly base: string;
  readonly signal: AbortSignal;
  readonly onProblem: (text: string) => void;
}

/**
 * Reads what a journal holds, as if it were an archive: it is rebuilt in a folder that is gone afterwards.
 * @param base the folder for it
 * @param onProblem told what of the journal could not be read
 */
export async function* readRebuilt(
  destination: Store,
  { prefix }: JournalFacts,
  { base, signal, onProblem }: RebuildOptions,
): AsyncGenerator<ArchivedEntry, void> {
  const scratch = await openScratch(base);
  try {
    const root = join(scratch.path, 'session');
    const { problems } = await recoverJournal({ destination, prefix, folder: root, signal });
    for (const { segment, why } of problems) onProblem(`${segment} of the journal: ${why}`);
    const selection = { root, include: [], exclude: [], excludedPaths: [] };
    const { pieces } = archiveStream(
      { selection, codec: 'none', level: 1, threads: 1, signal },
      zlibDeflater(),
    );
    yield* readTar(flat(pieces));
  } finally {
    await scratch.remove();
  }
}

async function* flat(pieces: AsyncIterable<readonly Buffer[]>): AsyncGenerator<Buffer, void> {
  for await (const some of pieces) yield* some;
}
