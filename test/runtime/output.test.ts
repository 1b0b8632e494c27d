import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openOutput } from '../../src/runtime/output.ts';

/** A pipe, as the descriptor that a process is given, which waits; and its other end, which does not. */
async function openPipe() {
  const folder = await mkdtemp(join(tmpdir(), 'output-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  onTestFinished(() => closeSync(writer));
  const buffer = Buffer.alloc(1024 * 1024);
  return {
    writer,
    closeReader: () => closeSync(reader),
    /** All that has come; at most 1 MiB. */
    read(): string {
      try {
        return buffer.toString('utf8', 0, readSync(reader, buffer));
      } catch {
        return '';
      }
    },
  };
}

const LINE = 'x'.repeat(1_000);

test('a pipe that nobody reads costs no time; the oldest lines are lost and counted, and the last are there', async () => {
  const pipe = await openPipe();
  onTestFinished(pipe.closeReader);
  const output = openOutput(pipe.writer);
  let losses = 0;
  output.onLoss(() => {
    losses += 1;
  });
  for (let i = 0; i < 10_000; i++) void output.write(`${i} ${LINE}\n`);
  expect(await output.flush(50)).toBe(false);
  expect(losses).toBe(0);
  let text = '';
  const end = output.write('the end\n');
  for (let isOver = false; !isOver; isOver = await output.flush(5)) text += pipe.read();
  text += pipe.read();
  await end;
  const lines = text.split('\n');
  expect(lines.slice(-3)).toEqual([`9999 ${LINE}`, 'the end', '']);
  expect(losses).toBe(1);
  const loss = output.takeLoss();
  expect(loss).toEqual({ lines: 10_002 - lines.length, why: 'nobody read them in time' });
  expect(output.takeLoss()).toBeUndefined();
  for (const line of lines.slice(0, -2)) expect(line).toMatch(/^\d+ x{1000}$/);
});

test('a reader that has gone is told, and nothing waits for it', async () => {
  const pipe = await openPipe();
  const output = openOutput(pipe.writer);
  pipe.closeReader();
  await output.write('one\n');
  await output.write('two\n');
  expect(await output.flush(60_000)).toBe(true);
  expect(output.takeLoss()).toEqual({ lines: 2, why: expect.stringContaining('EPIPE') });
});

test('a full disk may have room again: its lines wait, and nobody waits for them', async () => {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const output = openOutput(full);
  void output.write('one\n');
  expect(await output.flush(50)).toBe(false);
  expect(output.takeLoss()).toBeUndefined();
});
