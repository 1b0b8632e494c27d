import { Writable } from 'node:stream';
import { Presets, SingleBar } from 'cli-progress';
import type { Log } from './log.ts';
import type { Output } from './output.ts';
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
const DRAW_INTERVAL_MS = 200;

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

/** Draws a bar on a terminal, with bytes, rate and time left. */
export function createProgressBar(terminal: Output): Progress {
  return {
    start(totals, counts) {
      const startMs = performance.now();
      const bar = new SingleBar(
        {
          stream: drawOn(terminal),
          format: 'saving [{bar}] {percentage}% | {read} of {all} | {rate}/s | {left} left',
          hideCursor: true,
          clearOnComplete: true,
        },
        Presets.shades_classic,
      );
      const draw = () => {
        const { bytesRead } = counts();
        const perMs = bytesRead / (performance.now() - startMs);
        bar.update(Math.min(bytesRead, totals.bytes), {
          read: bytesText(bytesRead),
          all: bytesText(totals.bytes),
          rate: bytesText(perMs * 1_000),
          left: perMs > 0 ? `${Math.ceil(Math.max(0, totals.bytes - bytesRead) / perMs / 1_000)} s` : '?',
        });
      };
      bar.start(Math.max(1, totals.bytes), 0, {
        read: '0 B',
        all: bytesText(totals.bytes),
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

/** A stream that looks like a terminal, and never waits for one. */
function drawOn(output: Output): NodeJS.WritableStream {
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      void output.write(chunk);
      done();
    },
  });
  return Object.assign(stream, { isTTY: true, columns: process.stdout.columns });
}

function repeat(ms: number, work: () => void): Disposable {
  const timer = setInterval(work, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
