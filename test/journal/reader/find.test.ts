import { describe, expect, test } from 'vitest';
import { findJournals } from '../../../src/journal/reader/find.ts';
import { askStore, standingOf } from '../../../src/journal/reader/standing.ts';
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
});
