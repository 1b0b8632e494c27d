import type { Selection } from '../../files/selection.ts';
import type { Store } from '../../store/store.ts';
import type { BytePath } from '../format/byte-path.ts';
import type { People } from '../format/people.ts';
import type { JournalAbout } from '../format/schema.ts';
import type { FolderId } from './file-stat.ts';
import type { ReadAt } from './generation.ts';

export interface JournalOptions {
  readonly selection: Selection;
  /**
   * The working directory as its session began, which the journal may do later: another one that has taken its place
   * is not recorded. undefined: it is the one that the first scan finds.
   */
  readonly rootAtStart?: () => FolderId;
  /** From the start of one scan of the working directory to the next. */
  readonly intervalMs: number;
  /** From the start of one content of a rewritten file to that of the next, at least. */
  readonly rewriteIntervalMs: number;
  /** Tells files that are whole from those that are just being written, by their format; undefined: none has one. */
  readonly contentCheck?: ContentCheck;
  /** A folder for private copies of databases, on a disk. */
  readonly scratch: string;
  /** `status.json` is put this often when there are no segments to upload. */
  readonly heartbeatMs: number;
  readonly destination: Store;
  /** The folder of the journal, e.g. `.sessions/<name>/journal`. Where it is another run's, `.2`, `.3` … are appended. */
  readonly prefix: string;
  /** A UUID, which tells this run's segments from those of any other. */
  readonly run: string;
  /** false where the store refuses conditions: whoever starts it knows that the prefix is nobody else's. */
  readonly ifAbsent: boolean;
  /** The store honours conditions, and the journal may be read: segments are put only where nothing is. */
  readonly heedsFences: boolean;
  /** When the files began that it is to hold (Date.now). */
  readonly sinceMs: number;
  readonly about: JournalAbout;
  /** Who takes part in the session now; undefined: they are not counted yet, or any more. */
  readonly people?: () => People | undefined;
  readonly onProblem: (problem: JournalProblem) => void;
}

/** How much a journal takes of the machine: the cores, and as many segments' memory, or a quarter of the time of one. */
export type Pace = 'all-cores' | 'one-core' | 'quarter-core';

/** Knows the format of some files. */
export interface ContentCheck {
  /** Whether it knows that of a file with this path. */
  concerns(path: BytePath): boolean;
  /** @returns why the content cannot be taken for a whole one; undefined: it can */
  look(file: CheckedFile): Promise<string | undefined>;
}

interface CheckedFile {
  readonly path: BytePath;
  readonly size: number;
  readonly mtimeMs: number;
  readonly read: ReadAt;
}

export type JournalProblem =
  /** The first of several failures in a row; uploads are retried, and what is not uploaded stays on disk. */
  | { readonly kind: 'upload-failing'; readonly why: string }
  | { readonly kind: 'upload-recovered'; readonly afterMs: number }
  /** Once for each file. */
  | { readonly kind: 'file-unreadable'; readonly path: string; readonly why: string }
  /** The working directory cannot be read; the next scan tries again. */
  | { readonly kind: 'scan-failed'; readonly why: string }
  /** Another run has this prefix: the next one is tried. */
  | { readonly kind: 'prefix-taken'; readonly prefix: string }
  /** A recovery has taken the journal, believing that its session is dead: everything goes to another one, anew. */
  | { readonly kind: 'fenced'; readonly prefix: string; readonly why: string }
  /** The store will not take it, however often it is asked: the journal has stopped. */
  | { readonly kind: 'refused'; readonly why: string }
  /** An internal error: the journal has stopped. */
  | { readonly kind: 'stopped'; readonly why: string };
