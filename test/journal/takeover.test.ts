import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { deleteJournal } from '../../src/journal/delete.ts';
import { JournalTakenError } from '../../src/journal/fences.ts';
import { findJournals } from '../../src/journal/reader/find.ts';
import { standingOf } from '../../src/journal/reader/standing.ts';
import { fencesOf, takeJournal } from '../../src/journal/takeover.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/eventually.ts';
import {
  type JournalFixture,
  openJournalFixture,
  patient,
  SAVED_BEFORE,
  storedBy,
} from '../support/journal.ts';

const someone = (host = 'recoverer') => ({ by: randomUUID(), host });

async function found({ destination }: JournalFixture, prefix = 'now/journal') {
  const journals = await findJournals(destination, 'now/', patient);
  const journal = journals.find(each => each.prefix === prefix);
  if (journal === undefined) throw new Error(`no journal at ${prefix}`);
  return journal;
}

/** A journal with a log in it, of a writer that goes on. */
async function written(options: Parameters<JournalFixture['start']>[0] = {}) {
  const ground = await openJournalFixture();
  await writeFile(join(ground.work, 'agent.log'), 'first\n');
  const journal = ground.start(options);
  await eventually(async () => (await found(ground)).status !== undefined);
  return { ...ground, journal };
}

describe('a writer whose journal a recovery has taken', () => {
  test('goes on in another one, whose first segment has all that is on disk, and says so', async () => {
    const ground = await written();
    await using _ = await takeJournal(ground.destination, await found(ground), someone(), patient);
    await appendFile(join(ground.work, 'agent.log'), 'second\n');
    expect(await ground.journal.finish(patient)).toEqual({ durable: true, isEnded: true });
    expect(ground.problems).toMatchObject([
      {
        kind: 'fenced',
        prefix: 'now/journal',
        why: expect.stringMatching(/^recoverer recovers it since \d{4}-/),
      },
    ]);
    expect(ground.journal.report()).toMatchObject({ prefix: 'now/journal.2', segments: 1 });
    const { folder } = await ground.recover('now/journal.2');
    expect(await readFile(join(folder, 'agent.log'), 'utf8')).toBe('first\nsecond\n');
  });

  test('notices it also when the journal has been deleted meanwhile', async () => {
    const ground = await written();
    const journal = await found(ground);
    const takeover = await takeJournal(ground.destination, journal, someone(), patient);
    await takeover.end('now/logs.tar.gz');
    await deleteJournal(ground.destination, journal, SAVED_BEFORE, {
      signal: patient,
      fences: fencesOf(journal, takeover),
    });
    expect(await findJournals(ground.destination, 'now/', patient)).toEqual([]);
    await appendFile(join(ground.work, 'agent.log'), 'second\n');
    await ground.journal.finish(patient);
    expect(ground.journal.report().prefix).toBe('now/journal.2');
    const [left, ...others] = await findJournals(ground.destination, 'now/', patient);
    expect([left?.prefix, others]).toEqual(['now/journal.2', []]);
  });

  test('begins none with another folder that has taken the place of the working directory', async () => {
    const ground = await openJournalFixture();
    const { work } = ground;
    await writeFile(join(work, 'agent.log'), 'first\n');
    const root = statSync(work, { bigint: true });
    const journal = ground.start({
      rootAtStart: () => root,
      onProblem({ kind }) {
        if (kind !== 'fenced') return;
        renameSync(work, `${work}-away`);
        mkdirSync(work);
      },
    });
    await eventually(async () => (await found(ground)).status !== undefined);
    await using _ = await takeJournal(ground.destination, await found(ground), someone(), patient);
    await appendFile(join(work, 'agent.log'), 'second\n');
    await eventually(() => existsSync(`${work}-away`));
    expect(await journal.finish(patient)).toMatchObject({ durable: false });
    expect(journal.report()).toMatchObject({ prefix: undefined, segments: 0, isEmpty: false });
  });

  test('does not delete what the recovery reads', async () => {
    const ground = await written();
    await ground.journal.finish(patient);
    const journal = await found(ground);
    await using _ = await takeJournal(ground.destination, journal, someone('elsewhere'), patient);
    const receipt = { url: 'file:///logs.tar.gz', key: 'logs.tar.gz', bytes: 1, parts: 1, verified: true };
    const deleting = deleteJournal(
      ground.destination,
      storedBy(ground.journal),
      { kind: 'verified-receipt', receipt, session: someone('session') },
      { signal: patient, fences: 'none' },
    );
    await expect(deleting).rejects.toThrow(/being recovered by elsewhere since/);
    expect((await ground.recover()).problems).toEqual([]);
  });

  test('is not told so by a lost answer to its own segment', async () => {
    const ground = await openJournalFixture();
    let lost = 0;
    const loses: Store = {
      ...ground.destination,
      async put(key, body, options) {
        await ground.destination.put(key, body, options);
        if (!key.endsWith('00000002.tar.gz') || lost > 0) return;
        lost += 1;
        throw new Error('the answer was lost');
      },
    };
    const journal = ground.start({ destination: loses });
    await eventually(() => journal.report().segments === 1);
    await writeFile(join(ground.work, 'agent.log'), 'here');
    expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
    expect([lost, journal.report().prefix]).toEqual([1, 'now/journal']);
  });
});

test('a writer that does not heed fences is left alone however long it is silent', async () => {
  const journal = await found(await written({ heedsFences: false }));
  expect(standingOf(journal, journal.lastWrittenMs + 1e9)).toEqual({ kind: 'silent' });
});

describe('of two recoveries', () => {
  test('the one that is later learns who has the journal', async () => {
    const ground = await written();
    const journal = await found(ground);
    await using takeover = await takeJournal(ground.destination, journal, someone('first'), patient);
    const second = takeJournal(ground.destination, journal, someone('second'), patient);
    await expect(second).rejects.toThrow(/is being recovered by first since \d{4}-/);
    const standing = standingOf(await found(ground), Date.now());
    expect(standing).toMatchObject({ kind: 'taken', fence: { host: 'first', after: journal.segments } });
    expect(takeover.signal.aborted).toBe(false);
  });

  test('the one that has been silent for three minutes has lost it, may end nothing, and gives nothing away', async () => {
    const ground = await written();
    const dead = await takeJournal(ground.destination, await found(ground), someone('dead'), patient);
    const journal = await found(ground);
    expect(standingOf(journal, Date.now() + 181_000)).toEqual({ kind: 'free' });
    await using _ = await takeJournal(ground.destination, journal, someone('second'), patient);
    await expect(dead.confirm()).rejects.toThrow(JournalTakenError);
    await expect(dead.end()).rejects.toThrow(JournalTakenError);
    await dead[Symbol.asyncDispose]();
    const standing = standingOf(await found(ground), Date.now());
    expect(standing).toMatchObject({ kind: 'taken', fence: { host: 'second' } });
  });

  test('one that gives up leaves it to the next one at once', async () => {
    const ground = await written();
    {
      await using _ = await takeJournal(ground.destination, await found(ground), someone(), patient);
    }
    expect(standingOf(await found(ground), Date.now())).toEqual({ kind: 'free' });
  });

  test('one takes a journal that a listing does not show yet', async () => {
    const ground = await written();
    const late: Store = { ...ground.destination, list: () => Readable.from([]) };
    await using takeover = await takeJournal(late, await found(ground), someone(), patient);
    expect(takeover.signal.aborted).toBe(false);
  });

  test('the one that has been silent while the other deleted it ends nothing, and leaves nothing', async () => {
    const ground = await written({ heedsFences: false });
    await ground.journal.finish(patient);
    const silent = await takeJournal(ground.destination, await found(ground), someone(), patient);
    const journal = await found(ground);
    const other = await takeJournal(ground.destination, journal, someone(), patient);
    await other.end();
    const options = { signal: patient, fences: fencesOf(journal, other) };
    await deleteJournal(ground.destination, journal, SAVED_BEFORE, options);
    await expect(silent.end()).rejects.toThrow('is gone: its session is saved by now');
    await silent[Symbol.asyncDispose]();
    expect(await readdir(ground.store, { recursive: true })).toEqual([]);
  });

  test('one takes what has arrived late of a journal that was deleted', async () => {
    const ground = await written();
    await ground.journal.finish(patient);
    const journal = { ...(await found(ground)), segments: 7 };
    await ground.destination.delete(['now/journal/status.json'], patient);
    await using takeover = await takeJournal(ground.destination, journal, someone(), patient);
    expect(takeover.signal.aborted).toBe(false);
  });

  test('the one that comes when the other has deleted it finds nothing, and leaves nothing', async () => {
    const ground = await written({ heedsFences: false });
    await ground.journal.finish(patient);
    const journal = await found(ground);
    const takeover = await takeJournal(ground.destination, journal, someone(), patient);
    await takeover.end();
    await deleteJournal(ground.destination, journal, SAVED_BEFORE, {
      signal: patient,
      fences: fencesOf(journal, takeover),
    });
    const late = takeJournal(ground.destination, journal, someone(), patient);
    await expect(late).rejects.toThrow('is gone: its session is saved by now');
    expect(await readdir(ground.store, { recursive: true })).toEqual([]);
  });
});
