import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { archiveStream } from '../archive/archive-stream.ts';
import { zlibDeflater } from '../archive/zlib-deflater.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import type { JournalFacts } from '../catalogue/facts.ts';
import { recoverJournal } from '../journal/reader/rebuild.ts';
import { readPatiently } from '../store/silence.ts';
import type { Store } from '../store/store.ts';
import { DamagedArchiveError, decode } from '../unpack/decode.ts';
import { type ArchivedEntry, readTar } from '../unpack/read-tar.ts';
import { openScratch } from './scratch.ts';

/** An archive that is read, from its beginning to as far as somebody wants it. */
export interface ReadArchive {
  readonly entries: AsyncGenerator<ArchivedEntry, void>;
  /** How many of its bytes have come so far. */
  bytesRead(): number;
}

/**
 * Reads what a session's archive holds. When its last entry has been taken, its bytes are those that its report tells of.
 * @throws {DamagedArchiveError} by the entries, where it is damaged, or is another one than its report tells of
 */
export function readArchive(
  destination: Store,
  { archive, report }: Pick<CatalogueEntry, 'archive' | 'report'>,
  signal: AbortSignal,
): ReadArchive {
  if (archive === undefined) throw new Error('there is no archive to read');
  const digest = createHash('sha256');
  const expected = report?.archive?.sha256;
  let bytes = 0;

  async function* counted(key: string): AsyncGenerator<Buffer, void> {
    for await (const piece of readPatiently(destination, key, signal)) {
      digest.update(piece);
      bytes += piece.length;
      yield piece;
    }
    if (expected !== undefined && digest.digest('hex') !== expected)
      throw new DamagedArchiveError(`${destination.url}/${key} has not the digest that its report tells`);
  }

  return { entries: readTar(decode(counted(archive.key))), bytesRead: () => bytes };
}

/** The journal of a session that was written last; undefined: it has none. */
export function lastJournal({ journals }: Pick<CatalogueEntry, 'journals'>): JournalFacts | undefined {
  return journals.toSorted((a, b) => b.lastWrittenMs - a.lastWrittenMs)[0];
}

/**
 * Reads what a journal holds, as if it were an archive: it is rebuilt in a folder that is gone afterwards.
 * @param base the folder for it
 * @param onProblem told what of the journal could not be read
 */
export async function* readRebuilt(
  destination: Store,
  { prefix }: JournalFacts,
  {
    base,
    signal,
    onProblem,
  }: { readonly base: string; readonly signal: AbortSignal; readonly onProblem: (text: string) => void },
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
