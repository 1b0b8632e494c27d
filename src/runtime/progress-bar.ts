import { Writable } from 'node:stream';
import { Presets, SingleBar } from 'cli-progress';
import type { Output } from './output.ts';
import { type Progress, repeat } from './progress.ts';
import { bytesText } from './text.ts';

const DRAW_INTERVAL_MS = 200;

/** Draws a bar on a terminal, with bytes, rate and time left. @param what is done, as the bar's first word */
export function createProgressBar(terminal: Output, what = 'saving'): Progress {
  return {
    start(totals, counts) {
      const startMs = performance.now();
      const bar = new SingleBar(
        {
          stream: drawOn(terminal),
          format: `${what} [{bar}] {percentage}% | {read} of {all} | {rate}/s | {left} left`,
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
