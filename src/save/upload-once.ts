import { join } from 'node:path';
import { isWorthSumsThread, startSumsThread } from '../archive/archive-sums.ts';
import { type PackSummary, pack } from '../archive/pack.ts';
import type { Survey } from '../archive/walk.ts';
import { compressionThreads } from '../runtime/cpus.ts';
import type { Progress } from '../runtime/progress.ts';
import type { Receipt, Store } from '../store/store.ts';
import type { ArchivePlace } from './archive-place.ts';
import type { SaveRequest, SaveTarget } from './save-request.ts';

export interface Upload {
  readonly request: SaveRequest;
  readonly target: SaveTarget;
  readonly store: Store;
  readonly place: ArchivePlace;
  readonly expected: Survey;
  /** See `PackOptions`. */
  readonly isal: string | undefined;
  /** The sums may be made by a thread. */
  readonly mayUseThread: boolean;
  readonly signal: AbortSignal;
}

interface Uploaded {
  readonly receipt: Receipt;
  readonly summary: PackSummary;
  readonly index: Buffer;
  /** See `SavedArchive`. */
  readonly files: ReadonlyMap<string, number>;
}

/** Packs all that is to be saved and stores it: one attempt. @throws as `pack` and `Store.store` do */
export async function uploadOnce(upload: Upload, progress: Progress): Promise<Uploaded> {
  const { request, target, store, expected, isal, signal } = upload;
  const { source, archive, stallMs, listsFiles = false, ahead } = request;
  const { archiveKey, ifAbsent } = upload.place;
  const files = new Map<string, number>();
  const file = join(source.root, archiveKey);
  const usesThread = upload.mayUseThread && isWorthSumsThread(archive.codec, expected.archiveBytes);
  // The parts that are sent last need it after all has been packed.
  using sums = usesThread ? startSumsThread() : undefined;
  const packing = pack({
    selection: target.inside
      ? { ...source, excludedPaths: [...source.excludedPaths, file, `${file}.part`] }
      : source,
    codec: archive.codec,
    level: archive.level,
    isal,
    ahead,
    sums,
    chunkBytes: store.chunkBytes(expected.archiveBytes),
    threads: compressionThreads(),
    signal,
    onFile: listsFiles ? (path, bytes) => files.set(path.toString('latin1'), bytes) : undefined,
  });
  using _ = progress.start(expected, packing.progress);
  const { chunks, releaseChunk: onStored } = packing;
  const receipt = await store.store(archiveKey, chunks, { signal, stallMs, onStored, ifAbsent, sums });
  return { receipt, summary: packing.summary(), index: packing.index(), files };
}
