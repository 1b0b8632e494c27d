import type { Selection } from '../../files/selection.ts';
import type { Store } from '../../store/store.ts';
import type { JournalAbout } from '../format/schema.ts';

export interface JournalOptions {
  readonly selection: Selection;
  /** From the beginning of one look at the working directory to the next. */
  readonly intervalMs: number;
  /** A file that is rewritten is taken no sooner than this after the last time. */
  readonly rewriteIntervalMs: number;
  /** A journal that has nothing to send says this often that it is alive. */
  readonly heartbeatMs: number;
  readonly destination: Store;
  /** The journal's folder, e.g. `<TIMESTAMP>/journal`; another run's that is there is left alone, see `prefix`. */
  readonly prefix: string;
  readonly about: JournalAbout;
  readonly onProblem: (problem: JournalProblem) => void;
}

export type JournalProblem =
  /** Told once; it goes on trying, and what is not sent stays on disk. */
  | { readonly kind: 'unreachable'; readonly why: string }
  | { readonly kind: 'reachable'; readonly afterMs: number }
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string }
  /** The working directory cannot be looked at; it is tried again. */
  | { readonly kind: 'blind'; readonly why: string }
  /** Another run's journal is there: this one goes beside it. */
  | { readonly kind: 'taken'; readonly prefix: string }
  /** A fault of the journal's own: it has stopped. */
  | { readonly kind: 'stopped'; readonly why: string };
