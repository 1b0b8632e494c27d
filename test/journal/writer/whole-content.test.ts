import { randomBytes } from 'node:crypto';
import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ContentCheck, JournalOptions } from '../../../src/journal/writer/options.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture, patient, segmentsIn, treeOf, unzipped } from '../../support/journal.ts';

/** A file of this format ends with a full stop. */
function fullStops() {
  const looks: string[] = [];
  const contentCheck: ContentCheck = {
    concerns: path => path.endsWith('.text'),
    async look({ path, size, read }) {
      looks.push(path);
      return read(0, size).toString().endsWith('.') ? undefined : 'it has no full stop';
    },
  };
  return { looks, contentCheck };
}

async function openText(options: Partial<JournalOptions> = {}) {
  const fixture = await openJournalFixture();
  const { looks, contentCheck } = fullStops();
  const journal = fixture.start({ rewriteIntervalMs: 1, contentCheck, ...options });
  const recovered = async () => {
    const { folder, changedWhileRead } = await fixture.recover();
    const text = await readFile(join(folder, 'a.text'), 'utf8').catch(() => undefined);
    return { text, torn: changedWhileRead };
  };
  return {
    journal,
    looks,
    recovered,
    write: (text: string) => writeFile(join(fixture.work, 'a.text'), text),
  };
}

test('a content that is not whole waits, and the one before it counts', async () => {
  const { looks, recovered, write } = await openText();
  await write('not whole from the start');
  await eventually(() => looks.length >= 2);
  expect(await recovered()).toMatchObject({ text: undefined });
  await write('First.');
  await eventually(async () => (await recovered()).text === 'First.');
  await write('First. And a seco');
  const { length } = looks;
  await eventually(() => looks.length >= length + 2);
  expect(await recovered()).toEqual({ text: 'First.', torn: [] });
  await write('First. And a second.');
  await eventually(async () => (await recovered()).text === 'First. And a second.');
  expect(await recovered()).toEqual({ text: 'First. And a second.', torn: [] });
});

test('one that is not whole at the end is sent, and named', async () => {
  const { journal, looks, recovered, write } = await openText();
  await write('First.');
  await eventually(async () => (await recovered()).text === 'First.');
  await write('Fir');
  await eventually(() => looks.length >= 3);
  expect(await journal.finish(patient)).toMatchObject({ durable: true });
  expect(await recovered()).toEqual({ text: 'Fir', torn: ['a.text'] });
});

test('one that never is is not waited for without an end', { tags: ['slow'] }, async () => {
  const { recovered, write } = await openText({ intervalMs: 10 });
  await write('no full stop');
  await eventually(async () => (await recovered()).text === 'no full stop');
  expect(await recovered()).toEqual({ text: 'no full stop', torn: ['a.text'] });
});

test('one that is written to between two segments is begun anew', { tags: ['slow'] }, async () => {
  const fixture = await openJournalFixture();
  const { work, store, destination, recover } = fixture;
  const file = join(work, 'a.text');
  const large = () => Buffer.concat([randomBytes(20_000_000), Buffer.from('.')]);
  await writeFile(file, large());
  let isMeddledWith = false;
  const meddling = {
    ...destination,
    async put(...args: Parameters<typeof destination.put>) {
      await destination.put(...args);
      if (!isMeddledWith) return;
      isMeddledWith = false;
      // Of the new content's segments this is the first.
      await using handle = await open(file, 'r+');
      await handle.write('meanwhile', 1000);
    },
  };
  const concerns = (path: string) => path.endsWith('.text');
  const contentCheck = { concerns, look: async () => undefined };
  const journal = fixture.start({ rewriteIntervalMs: 1, contentCheck, destination: meddling });
  const isRecovered = async () => treeOf((await recover()).folder)['a.text'] === treeOf(work)['a.text'];
  await eventually(isRecovered);
  isMeddledWith = true;
  await writeFile(`${work}.next`, large());
  await rename(`${work}.next`, file);
  await eventually(async () => !isMeddledWith && (await isRecovered()));
  await journal.finish(patient);
  const segments = await Promise.all((await segmentsIn(join(store, 'now/journal'))).map(unzipped));
  expect(segments.some(segment => segment.includes('"torn":true'))).toBe(false);
});
