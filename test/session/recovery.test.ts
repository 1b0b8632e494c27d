import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { deleteJournal } from '../../src/save/recover.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';

const signal = new AbortController().signal;

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
    const cutOff = deleteJournal(deletesFewerThan(keys, directory), 'session/journal', signal);
    await expect(cutOff).rejects.toThrow('cut off');
    await deleteJournal(directory, 'session/journal', signal);

    expect(await readdir(folder)).toEqual([]);
  },
);

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
