import type { ArchiveOptions, ArchiveSummary, ReadProgress } from './archive-stream.ts';

/** What the archiver is told, once. */
export interface ArchiverOrder extends Omit<ArchiveOptions, 'signal' | 'onFile'> {
  /** The path of the addon. */
  readonly isal: string;
  readonly listsFiles: boolean;
}

/** What it answers, beside the archive's bytes; `done` comes before these end. */
export type ArchiverMessage =
  | ({ readonly kind: 'progress' } & ReadProgress)
  | {
      readonly kind: 'done';
      readonly summary: ArchiveSummary;
      /** How many bytes the archive has of each file, by paths as in format/byte-path.ts; empty unless they are listed. */
      readonly files: ReadonlyMap<string, number>;
    }
  /** `text` goes on after "the archiver". */
  | { readonly kind: 'fault'; readonly text: string };

/** The file descriptor that the archiver writes the archive to. */
export const OUTPUT_FD = 3;
/** The sub-command, which only this program itself uses. */
export const ARCHIVER_COMMAND = 'archiver';
