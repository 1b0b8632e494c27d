import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createBeatFile, createBeatWatch } from '../../../src/minecraft/cuberite/beat.ts';

const beat = (number: number) => ({ number, ticks: 20, slowestTickMs: 50, missing: [], players: [] });

test('a world that tells nothing new for more than five seconds stands still, until it does', () => {
  const watch = createBeatWatch();
  expect(watch.look(beat(1), 0)).toBeUndefined();
  expect(watch.look(beat(1), 5_000)).toBeUndefined();
  expect(watch.look(beat(1), 5_001)).toContain('its world stands still');
  expect(watch.look(beat(2), 6_000)).toBeUndefined();
});

test('one of which nothing is known does not', () => {
  const watch = createBeatWatch();
  expect(watch.look(undefined, 0)).toBeUndefined();
  expect(watch.look(undefined, 60_000)).toBeUndefined();
  watch.look(beat(1), 61_000);
  expect(watch.look(undefined, 120_000)).toBeUndefined();
  expect(watch.look(beat(1), 121_000)).toBeUndefined();
});

test('the file of the beats is read while it is written, and goes in the end', async () => {
  await using file = await createBeatFile(undefined);
  expect(await file.read()).toBeUndefined();
  await writeFile(file.path, '7 20 51\t\tWal');
  expect(await file.read()).toBeUndefined();
  await writeFile(file.path, '7 20 51\t\tWalker Agent\n');
  expect(await file.read()).toMatchObject({ number: 7, slowestTickMs: 51, players: ['Walker', 'Agent'] });
  await file[Symbol.asyncDispose]();
  await expect(file.read()).rejects.toMatchObject({ code: 'ENOENT' });
});
