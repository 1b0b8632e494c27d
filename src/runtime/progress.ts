import type { Log } from './log.ts';
import { bytesText } from './text.ts';

export interface ProgressTotals {
  readonly files: number;
  readonly bytes: number;
}

export interface ProgressCounts {
  readonly files: number;
  readonly bytesRead: number;
  readonly bytesOut: number;
}

export interface Progress {
  /** Shows the progress of one archive until the result is disposed of. @param counts the counts so far */
  start(totals: ProgressTotals, counts: () => ProgressCounts): Disposable;
}

const LOG_INTERVAL_MS = 10_000;

/** Writes a log line every 10 s. */
export function createLoggedProgress(log: Log): Progress {
  return {
    start(totals, counts) {
      const startMs = performance.now();
      return repeat(LOG_INTERVAL_MS, () => {
        const now = counts();
        const bytesPerSecond = Math.round((now.bytesRead / (performance.now() - startMs)) * 1_000);
        log.info(
          {
            event: 'archive_progress',
            ...now,
            ofFiles: totals.files,
            ofBytes: totals.bytes,
            bytesPerSecond,
          },
          `uploading archive: ${bytesText(now.bytesRead)} of ${bytesText(totals.bytes)}`,
        );
      });
    },
  };
}

/** Does something at regular intervals, in ms, until it is disposed of. */
export function repeat(ms: number, work: () => void): Disposable {
  const timer = setInterval(work, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
