import { Presets, SingleBar } from 'cli-progress';
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

/** Shows how an archive goes forward until it is disposed of. */
export interface Progress {
  start(expected: ProgressTotals, passed: () => ProgressCounts): Disposable;
}

const LOG_INTERVAL_MS = 10_000;
const DRAW_INTERVAL_MS = 200;

/** A log line every 10 s. */
export function createLoggedProgress(log: Log): Progress {
  return {
    start(expected, passed) {
      const startMs = performance.now();
      return repeat(LOG_INTERVAL_MS, () => {
        const now = passed();
        const bytesPerSecond = Math.round((now.bytesRead / (performance.now() - startMs)) * 1_000);
        log.info(
          {
            event: 'archive_progress',
            ...now,
            ofFiles: expected.files,
            ofBytes: expected.bytes,
            bytesPerSecond,
          },
          `uploading archive: ${bytesText(now.bytesRead)} of ${bytesText(expected.bytes)}`,
        );
      });
    },
  };
}

/** A bar for a person, with bytes, rate and time left. */
export function createProgressBar(stream: NodeJS.WriteStream): Progress {
  return {
    start(expected, passed) {
      const startMs = performance.now();
      const bar = new SingleBar(
        {
          stream,
          format: 'saving [{bar}] {percentage}% | {read} of {all} | {rate}/s | {left} left',
          hideCursor: true,
          clearOnComplete: true,
        },
        Presets.shades_classic,
      );
      const draw = () => {
        const { bytesRead } = passed();
        const perMs = bytesRead / (performance.now() - startMs);
        bar.update(Math.min(bytesRead, expected.bytes), {
          read: bytesText(bytesRead),
          all: bytesText(expected.bytes),
          rate: bytesText(perMs * 1_000),
          left: perMs > 0 ? `${Math.ceil(Math.max(0, expected.bytes - bytesRead) / perMs / 1_000)} s` : '?',
        });
      };
      bar.start(Math.max(1, expected.bytes), 0, {
        read: '0 B',
        all: bytesText(expected.bytes),
        rate: '0 B',
        left: '?',
      });
      const drawing = repeat(DRAW_INTERVAL_MS, draw);
      return {
        [Symbol.dispose]() {
          drawing[Symbol.dispose]();
          bar.stop();
        },
      };
    },
  };
}

function repeat(ms: number, work: () => void): Disposable {
  const timer = setInterval(work, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
