import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { findJournals } from '../../../src/journal/reader/find.ts';
import { askStore, standingOf } from '../../../src/journal/reader/standing.ts';
import { readText } from '../../../src/store/read.ts';
import type { Store } from '../../../src/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture, patient } from '../../support/journal.ts';
import { putSegments } from '../../support/segments.ts';

describe('finding journals', () => {
  test('names every session with a journal, and what else is in its folder', async () => {
    const { destination, start } = await openJournalFixture();
    const put = (key: string) => destination.put(key, Buffer.from('{}'), { signal: patient });
    await put('turk/done/logs.tar.gz');
    await put('turk/half/session.json');
    const journals = ['turk/half/journal', 'turk/half/journal', 'turk/lost/journal'].map(prefix =>
      start({ prefix }),
    );
    await Promise.all(journals.map(journal => journal.finish(patient)));
    const found = await findJournals(destination, 'turk/', patient);
    const summary = found.map(({ prefix, session, siblings, segments, status }) => ({
      prefix,
      session,
      siblings,
      segments,
      state: status?.state,
    }));
    const half = { session: 'turk/half', siblings: ['session.json'], segments: 1, state: 'finished' };
    expect(summary.toSorted((a, b) => a.prefix.localeCompare(b.prefix))).toEqual([
      { ...half, prefix: 'turk/half/journal' },
      { ...half, prefix: 'turk/half/journal.2' },
      { prefix: 'turk/lost/journal', session: 'turk/lost', siblings: [], segments: 1, state: 'finished' },
    ]);
  });

  test('a journal is live while it is written, and dead when it has been silent or says so', async () => {
    const { destination, start } = await openJournalFixture();
    const look = async () => {
      const [found] = await findJournals(destination, 'now/', patient);
      if (found === undefined) throw new Error('no journal');
      return found;
    };
    const journal = start();
    await eventually(async () => (await look()).status !== undefined);
    const { nowMs } = await askStore(destination, 'now/journal', patient);
    expect(standingOf(await look(), nowMs).kind).toBe('written');
    expect(standingOf(await look(), nowMs + 200_000).kind).toBe('free');
    await journal.finish(patient);
    expect(standingOf(await look(), nowMs).kind).toBe('free');
  });

  test('a journal whose status is damaged is judged by its last object', async () => {
    const { destination } = await openJournalFixture();
    await putSegments(destination, [{}, {}]);
    await destination.put('now/journal/status.json', Buffer.from('{"format":1,"run"'), { signal: patient });
    const [found] = await findJournals(destination, '', patient);
    if (found === undefined) throw new Error('no journal');
    expect(found).toMatchObject({ segments: 2, status: undefined });
    expect(standingOf(found, Date.now()).kind).toBe('written');
    expect(standingOf(found, Date.now() + 200_000).kind).toBe('silent');
  });

  test('a status of which a byte was changed on the way is read again', async () => {
    const { destination, start } = await openJournalFixture();
    const journal = start();
    await journal.finish(patient);
    const [found] = await findJournals(destination, '', patient);
    const run = found?.run ?? '';
    let changed = 0;
    const garbling: Store = {
      ...destination,
      async get(key, ...how) {
        if (!key.endsWith('status.json') || changed > 0) return destination.get(key, ...how);
        changed += 1;
        const text = await readText(destination, key, { maxBytes: 10_000, signal: patient });
        const other = String(text).replace(run, `${run.slice(0, -1)}${run.endsWith('0') ? 1 : 0}`);
        return Readable.from([Buffer.from(other)]);
      },
    };
    expect(await findJournals(garbling, '', patient)).toMatchObject([{ run }]);
    expect(changed).toBe(1);
  });

  test("what a killed recovery has left of the store's clock is no journal", async () => {
    const { destination } = await openJournalFixture();
    await destination.put('now/journal/clock-1.json', Buffer.from('{}'), { signal: patient });
    expect(await findJournals(destination, '', patient)).toEqual([]);
    // Nor does it hide one that a listing does not show yet.
    await putSegments(destination, [{}]);
    const late: Store = { ...destination, list: () => destination.list('now/journal/clock', patient) };
    expect(await findJournals(late, '', patient)).toMatchObject([{ prefix: 'now/journal', segments: 1 }]);
  });

  test('a segment that a late listing does not show is found', async () => {
    const { destination } = await openJournalFixture();
    await putSegments(destination, [{}, {}, {}]);
    const [found] = await findJournals(listedLate(destination, 'now/journal/00000001.tar.gz'), '', patient);
    expect(found).toMatchObject({ segments: 3 });
  });

  test("the destination's time is that of the destination, although a listing comes late", async () => {
    const { destination, store } = await openJournalFixture();
    const put: Store['put'] = async (key, ...rest) => {
      await destination.put(key, ...rest);
      utimesSync(join(store, key), 1_000, 1_000);
    };
    const { nowMs } = await askStore({ ...listedLate(destination, ''), put }, 'now/journal', patient);
    expect(nowMs).toBe(1_000_000);
  });
});

/** A store whose first listing ends with a key. */
function listedLate(store: Store, last: string): Store {
  let listings = 0;
  return {
    ...store,
    async *list(...request) {
      listings += 1;
      for await (const object of store.list(...request)) if (listings > 1 || object.key <= last) yield object;
    },
  };
}
