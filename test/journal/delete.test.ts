import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { deleteJournal } from '../../src/journal/delete.ts';
import { findJournals } from '../../src/journal/reader/find.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { PermanentError, type Store } from '../../src/store/store.ts';
import { openTestStore } from '../store/s3/support.ts';
import { openJournalFixture, patient, SAVED_BEFORE, storedBy } from '../support/journal.ts';
import { startS3Server } from '../support/s3-server.ts';

const signal = new AbortController().signal;
const found = { prefix: 'session/journal', segments: 0, status: undefined };

test.each([1, 2, 3, 4, 5])(
  'a journal whose deletion was cut off before key %i is deleted by the next one, with what was on its way',
  async keys => {
    const folder = await mkdtemp(join(tmpdir(), 'deletion-test-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const journal = join(folder, 'session', 'journal');
    await mkdir(journal, { recursive: true });
    const names = [
      '00000001.tar.gz',
      '00000002.tar.gz',
      '00000003.tar.gz.part',
      'recovery.json',
      'status.json',
    ];
    for (const name of names) await writeFile(join(journal, name), '');

    const directory = openDirectoryStore(folder);
    const cutOff = deleteJournal(deletesFewerThan(keys, directory), found, SAVED_BEFORE, {
      signal,
      fences: 'none',
    });
    await expect(cutOff).rejects.toThrow('cut off');
    await deleteJournal(directory, found, SAVED_BEFORE, { signal, fences: 'none' });

    expect(await readdir(folder)).toEqual([]);
  },
);

describe('the journal of a session', () => {
  async function finished() {
    const ground = await openJournalFixture();
    await writeFile(join(ground.work, 'agent.log'), 'here');
    const journal = ground.start();
    await journal.finish(patient);
    return { ...ground, journal };
  }

  test('is gone when it is deleted, and nothing else is', async () => {
    const { store, work, destination, start } = await openJournalFixture();
    const journal = start();
    await appendFile(join(work, 'agent.log'), 'more');
    await journal.finish(patient);
    await writeFile(join(store, 'now/session.json'), '{}');
    await deleteJournal(destination, storedBy(journal), SAVED_BEFORE, { signal: patient, fences: 'none' });
    expect(await readdir(join(store, 'now'))).toEqual(['session.json']);
  });

  test('stays when its deletion is denied, and says that nobody needs it', async () => {
    const { destination, journal } = await finished();
    const strict: Store = {
      ...destination,
      delete: () => Promise.reject(new PermanentError('AccessDenied', 'Allow s3:DeleteObject.')),
    };
    await expect(
      deleteJournal(strict, storedBy(journal), SAVED_BEFORE, { signal: patient, fences: 'none' }),
    ).rejects.toThrow('AccessDenied');
    const [left] = await findJournals(destination, 'now/', patient);
    expect(left).toMatchObject({ segments: 1, status: { state: 'saved' } });
  });

  test('is gone although a listing that comes late shows nothing of it', async () => {
    const { store, destination, journal } = await finished();
    const late: Store = { ...destination, list: () => destination.list('nothing', patient) };
    await deleteJournal(late, storedBy(journal), SAVED_BEFORE, { signal: patient, fences: 'none' });
    expect(await readdir(store)).toEqual([]);
  });

  test('is not deleted because of an archive that the store has not confirmed', async () => {
    const { store, destination, journal } = await finished();
    const receipt = { url: 'file:///logs.tar.gz', key: 'logs.tar.gz', bytes: 1, parts: 1, verified: false };
    const deleting = deleteJournal(
      destination,
      storedBy(journal),
      { kind: 'verified-receipt', receipt, session: { by: randomUUID(), host: 'here' } },
      { signal: patient, fences: 'none' },
    );
    await expect(deleting).rejects.toThrow('is not verified');
    expect((await readdir(join(store, 'now/journal'))).sort()).toEqual(['00000001.tar.gz', 'status.json']);
  });

  test('is deleted without the right to list', async () => {
    const server = await startS3Server({ faults: [{ match: { operation: 'ListObjectsV2' }, do: 'deny' }] });
    onTestFinished(() => server.close());
    const destination = await openTestStore(server.url, { prefix: 'sessions' });
    onTestFinished(() => destination.close());
    const { work, start } = await openJournalFixture();
    await writeFile(join(work, 'agent.log'), 'here');
    const journal = start({ destination });
    await journal.finish(patient);
    for (const name of ['recovery.json', '00000002.tar.gz'])
      await destination.put(`now/journal/${name}`, Buffer.from('left'), { signal: patient });
    await deleteJournal(destination, storedBy(journal), SAVED_BEFORE, { signal: patient, fences: 'none' });
    expect(server.objects()).toEqual([]);
  });
});

function deletesFewerThan(count: number, destination: Store): Store {
  let left = count;
  return {
    ...destination,
    async delete(keys, until) {
      for (const key of keys) {
        left -= 1;
        if (left === 0) throw new Error('cut off');
        await destination.delete([key], until);
      }
    },
  };
}
