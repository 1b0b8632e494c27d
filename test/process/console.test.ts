import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { openConsole } from '../../src/process/console.ts';

test('says each line in a write of its own, a moment after the one before', async () => {
  const writes: { readonly text: string; readonly atMs: number }[] = [];
  const stdin = new Writable({
    write(chunk, _, done) {
      writes.push({ text: `${chunk}`, atMs: performance.now() });
      done();
    },
  });
  const say = openConsole(stdin);
  expect(await Promise.all(['say hello', 'two\r\nlines', 'stop'].map(say))).toEqual([true, true, true]);
  expect(writes.map(({ text }) => text)).toEqual(['say hello\n', 'two lines\n', 'stop\n']);
  const gaps = writes.slice(1).map(({ atMs }, index) => atMs - (writes[index]?.atMs ?? atMs));
  expect(Math.min(...gaps)).toBeGreaterThan(95);
});

test('has nobody to talk to without a stdin', async () => {
  expect(await openConsole(null)('stop')).toBe(false);
});
