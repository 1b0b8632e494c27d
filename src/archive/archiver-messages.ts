import type { ArchiveOptions, ArchiveSummary, ReadProgress } from './archive-stream.ts';

/** What the archiver is told, first of all. */
export interface ArchiverOrder extends Omit<ArchiveOptions, 'signal' | 'onFile'> {
  readonly listsFiles: boolean;
  /** The size of the chunks that the archive is cut into. */
  readonly chunkBytes: number;
}

/** What it is told after that: a chunk has been read. */
export interface SlotFreed {
  readonly slot: number;
}

/** What it says: that it waits for its order, then chunk after chunk, and `done` after the last one. */
export type ArchiverMessage =
  | { readonly kind: 'ready' }
  /** The next bytes of the archive are in that slot, until it is freed. */
  | { readonly kind: 'chunk'; readonly slot: number; readonly bytes: number }
  | ({ readonly kind: 'progress' } & ReadProgress)
  | {
      readonly kind: 'done';
      readonly summary: ArchiveSummary;
      readonly index: Uint8Array;
      /** How many bytes the archive has of each file, by paths as in format/byte-path.ts; empty unless they are listed. */
      readonly files: ReadonlyMap<string, number>;
    }
  /** `text` goes on after "the archiver". */
  | { readonly kind: 'fault'; readonly text: string };

/** The file descriptor of the slots: see shared-slots.ts. */
export const SLOTS_FD = 3;
/** The sub-command, which only this program itself uses. */
export const ARCHIVER_COMMAND = 'archiver';
