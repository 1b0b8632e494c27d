import type { NotSaved, SavedArchive } from '../save/save.ts';
import type { EndReason, SaveState } from './end-reason.ts';
import type { SessionJournal } from './journal.ts';
import type { ProcessesResult } from './run-processes.ts';

/** How a session ended, and where what it recorded is. */
export interface SessionResult {
  readonly end: EndReason;
  /** undefined: a destination has denied access before anything was started. */
  readonly run: ProcessesResult | undefined;
  readonly saved: SaveState;
  readonly archive: SavedArchive | NotSaved | undefined;
  /** undefined: there is no journal. */
  readonly journal: SessionJournal | undefined;
  readonly notices: readonly string[];
}
