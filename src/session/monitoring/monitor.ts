import type { Report } from '../../report/schema.ts';

/** One of the ways in which others learn how a session goes. */
export interface Monitor {
  /** Begins to tell how it has ended. */
  tellEnd?(report: Report): void;
  /** Waits for what is under way, which its start was given a signal to give up. It never rejects. */
  close(): Promise<void>;
}
