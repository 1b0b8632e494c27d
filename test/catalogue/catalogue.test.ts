import { expect, onTestFinished, test } from 'vitest';
import { readCatalogue } from '../../src/catalogue/catalogue.ts';
import { StoreSilentError } from '../../src/store/silence.ts';
import { openTestStore } from '../store/s3/support.ts';
import { type S3ServerOptions, startS3Server } from '../support/s3-server.ts';
import { given, savedSession } from './support.ts';

const signal = new AbortController().signal;

async function openStoreOf(options: S3ServerOptions) {
  const s3 = await startS3Server(options);
  onTestFinished(() => s3.close());
  const store = await openTestStore(s3.url, { prefix: 'sessions' });
  onTestFinished(() => store.close());
  return { s3, store };
}

test('a store that says nothing any more is given up', async () => {
  const { store } = await openStoreOf({ faults: [{ do: 'stall' }] });
  const reading = readCatalogue(store, { signal, nowMs: Date.now(), silentMs: 200 });
  await expect(reading).rejects.toThrow(StoreSilentError);
  await expect(reading).rejects.toThrow('s3://bucket/sessions does not answer for 0.2 s');
});

test('what two runs have left under one name are two entries', async () => {
  const [first, second] = ['a', 'b'].map(run => Object.values(savedSession('x', { run, archive: null }))[0]);
  const { store } = await openStoreOf({
    objects: given({ '.sessions/x/session.json': first, '.sessions/x/session.2.json': second }),
  });
  const { entries } = await readCatalogue(store, { signal, nowMs: Date.now() });
  expect(entries.map(({ report }) => report?.run).sort()).toEqual(['a', 'b']);
});

test('sessions of several destinations are listed from above them, each with its own archive', async () => {
  const below = (root: string) =>
    Object.fromEntries(Object.entries(savedSession('x')).map(([key, value]) => [`${root}/${key}`, value]));
  const { store } = await openStoreOf({ objects: given({ ...below('first'), ...below('second') }) });
  const { entries, foreign } = await readCatalogue(store, { signal, nowMs: Date.now() });
  expect(foreign).toBe(0);
  expect(entries.map(({ url, state, archive }) => [url, state, archive?.key])).toEqual([
    ['s3://bucket/sessions/first/x', 'saved', 'first/x/logs.tar.gz'],
    ['s3://bucket/sessions/second/x', 'saved', 'second/x/logs.tar.gz'],
  ]);
});

test('an archive whose name and key tell nothing is found by its report', async () => {
  const [report] = Object.values(savedSession('x', { archive: 'abc' }));
  const archive = { key: 'odd-x/data.tar', bytes: 3 };
  const { store } = await openStoreOf({
    objects: given({ '.sessions/x/session.json': { ...Object(report), archive }, 'odd-x/data.tar': 'abc' }),
  });
  const { entries, foreign } = await readCatalogue(store, { signal, nowMs: Date.now() });
  expect(entries).toMatchObject([{ state: 'saved', archive: { key: 'odd-x/data.tar', bytes: 3 } }]);
  expect(foreign).toBe(0);
});

test('sessions of earlier versions, whose reports and journals are beside their archives, are listed', async () => {
  const name = '2021-03-01T10:00:00.000Z';
  const [report] = Object.values(savedSession(name, { key: `turk/4711/${name}` }));
  const { store } = await openStoreOf({
    objects: given({
      [`turk/4711/${name}/session.json`]: report,
      [`turk/4711/${name}/logs.tar.gz`]: 'x'.repeat(2_048),
      [`${name}/journal/00000001.tar.gz`]: 'of which nothing can be read',
    }),
  });
  const { entries } = await readCatalogue(store, { signal, nowMs: Date.now() });
  expect(entries.map(({ url, state, experiment }) => [url, state, experiment]).sort()).toEqual([
    [`s3://bucket/sessions/${name}`, 'journal', undefined],
    [`s3://bucket/sessions/turk/4711/${name}`, 'saved', '4711'],
  ]);
});
