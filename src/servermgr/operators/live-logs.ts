import { type Followed, followFile } from '../../journal/reader/tail.ts';
import type { Log } from '../../runtime/log.ts';
import { errorText } from '../../runtime/text.ts';
import type { Store } from '../../store/store.ts';
import { findJournal } from './find-journal.ts';
import { createLineReader } from './log-lines.ts';

/** What whoever looks at a log is told. */
export interface LogReader {
  /** More lines, in their order. */
  lines(lines: readonly string[]): void;
  /** There is no more to come. @param why a sentence */
  end(why: string): void;
}

/** What was said of one session, as the supervisor's `tail` shows it: its agent's log, out of its journal. */
export interface LiveLogs {
  /**
   * Follows a session's log: at once come the lines that are known, and then each as it is written. Readers of one
   * session share one reading, which ends when the last of them leaves.
   * @returns a function by which a reader leaves; undefined: too many sessions are read already
   */
  follow(name: string, reader: LogReader): (() => void) | undefined;
  close(): void;
}

export const FILE = 'agent.log';
/** Sessions whose journals are read at once: of each some segments are in memory, 8 MB at most each. */
const MAX_SESSIONS = 3;
/** That a new reader is shown. */
export const MAX_LINES = 200;
/** A journal holds the world as well: the last lines are in the last of its segments, as a rule. */
const LAST_SEGMENTS = 30;

interface Reading {
  readonly stop: AbortController;
  readonly readers: Set<LogReader>;
  /** The last lines. */
  lines: string[];
}

export function openLiveLogs(destination: Store, log: Log): LiveLogs {
  const readings = new Map<string, Reading>();

  function begin(name: string): Reading {
    const reading: Reading = { stop: new AbortController(), readers: new Set(), lines: [] };
    readings.set(name, reading);
    void read(name, reading).then(why => {
      forget(name, reading);
      for (const reader of reading.readers) reader.end(why);
    });
    return reading;
  }

  /** @returns why it is over */
  async function read(name: string, reading: Reading): Promise<string> {
    const { signal } = reading.stop;
    try {
      const journal = await findJournal(destination, name, signal);
      if (journal === undefined)
        return 'There is no journal: the session has written nothing yet, or it is saved, and its log is in the archive.';
      const { prefix } = journal;
      const lines = createLineReader();
      const options = { destination, prefix, path: FILE, follow: true, lastSegments: LAST_SEGMENTS, signal };
      for await (const followed of followFile(options)) tell(reading, linesOf(followed, lines));
      tell(reading, lines.cut());
      return 'The session is over: this is all that its journal has.';
    } catch (error) {
      if (signal.aborted) return 'The log is not read any more.';
      log.warn(
        { event: 'log_unreadable', err: error, session: name },
        'the log of a session could not be read',
      );
      return `The journal cannot be read just now: ${errorText(error)}`;
    }
  }

  function tell(reading: Reading, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const shown = lines.slice(-MAX_LINES);
    reading.lines = [...reading.lines, ...shown].slice(-MAX_LINES);
    for (const reader of reading.readers) reader.lines(shown);
  }

  function forget(name: string, reading: Reading): void {
    if (readings.get(name) === reading) readings.delete(name);
  }

  return {
    follow(name, reader) {
      const known = readings.get(name);
      if (known === undefined && readings.size >= MAX_SESSIONS) return undefined;
      const reading = known ?? begin(name);
      reading.readers.add(reader);
      if (reading.lines.length > 0) reader.lines(reading.lines);
      return () => {
        reading.readers.delete(reader);
        if (reading.readers.size > 0) return;
        forget(name, reading);
        reading.stop.abort(new Error('nobody reads the log any more'));
      };
    },
    close() {
      for (const { stop } of readings.values()) stop.abort(new Error('servermgr is ending'));
    },
  };
}

function linesOf(followed: Followed, lines: ReturnType<typeof createLineReader>): string[] {
  switch (followed.kind) {
    case 'bytes':
      return lines.push(followed.bytes);
    case 'anew':
      return [...lines.cut(), `[${FILE} begins anew]`];
    case 'as-before':
      return [...lines.cut(), `[${followed.bytes} bytes are as before]`];
    case 'gap':
      return [...lines.cut(), `[${followed.bytes} bytes are missing here]`];
    case 'problem':
      return [...lines.cut(), `[${followed.segment}: ${followed.why}]`];
    default:
      return followed satisfies never;
  }
}
