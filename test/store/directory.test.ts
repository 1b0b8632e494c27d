import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimAndRename, FileExistsError } from '../../src/files/atomic-write.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openStore } from '../../src/store/open.ts';
import { PermanentError } from '../../src/store/store.ts';
import { PROGRAMS } from '../support/built.ts';
import { canMount } from '../support/can-mount.ts';
import { bytesOf, inChunks, thenIdle } from './archives.ts';
import { describeContract } from './contract.ts';
import { PLAIN } from './s3/support.ts';

const signal = new AbortController().signal;
const calm = { signal, stallMs: 20_000 };

describeContract('a folder', async () => {
  const parent = await mkdtemp(path.join(os.tmpdir(), 'destination-'));
  // One that is not there yet, below one that is not there yet either.
  const folder = path.join(parent, 'saved', 'here');
  return {
    destination: openDirectoryStore(folder),
    leftovers: () => filesBelow(folder),
    close: () => rm(parent, { recursive: true }),
  };
});

describe('a folder as a destination', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'destination-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  test('the working directory itself is one, too', async () => {
    const destination = await openStore({ kind: 'inside', path: folder }, { s3: PLAIN });
    await destination.put('session.json', Buffer.from('{}'), { signal });
    expect(destination.url).toBe(`file://${folder}`);
    expect(await filesBelow(folder)).toEqual(['session.json']);
  });

  test('an archive that is being written is a .part, and nothing else', async () => {
    const destination = openDirectoryStore(folder);
    const abort = new AbortController();
    const seen = Promise.withResolvers<string[]>();
    const storing = destination.store('logs.tar', thenIdle([bytesOf(100)]), {
      signal: abort.signal,
      stallMs: 20_000,
      onProgress: () => filesBelow(folder).then(seen.resolve, seen.reject),
    });
    expect(await seen.promise).toEqual(['logs.tar.part']);
    abort.abort();
    await expect(storing).rejects.toThrow('aborted');
    expect(await filesBelow(folder)).toEqual([]);
  });

  test('what a crash left of an archive is deleted on request', async () => {
    const destination = openDirectoryStore(folder);
    for (const name of ['logs.tar.part', 'logs.tar.gz.part'])
      await writeFile(path.join(folder, name), 'half');
    expect(await destination.abortUploads('logs.tar', signal)).toBe(1);
    expect(await destination.abortUploads('logs.tar', signal)).toBe(0);
    expect(await filesBelow(folder)).toEqual(['logs.tar.gz.part']);
  });

  test('what is being written below a prefix is listed by the keys that it will have', async () => {
    const destination = openDirectoryStore(folder);
    await mkdir(path.join(folder, 'a/b'), { recursive: true });
    for (const name of ['a/b/logs.tar.part', 'a/whole.tar', 'c.part'])
      await writeFile(path.join(folder, name), 'half');
    const uploads = await destination.openUploads('a/', signal);
    expect(uploads.map(({ key }) => key)).toEqual(['a/b/logs.tar']);
    expect(Math.abs(Date.now() - (uploads[0]?.modifiedMs ?? 0))).toBeLessThan(60_000);
    expect((await destination.openUploads('', signal)).map(({ key }) => key)).toEqual(['a/b/logs.tar', 'c']);
  });

  test('what crashes left of objects is deleted on request, and the folder that held nothing else', async () => {
    const destination = openDirectoryStore(folder);
    await mkdir(path.join(folder, 'a/journal'), { recursive: true });
    for (const name of ['a/journal/1.tar.gz.part', 'a/journal/clock.json.part', 'a/session.json.part'])
      await writeFile(path.join(folder, name), 'half');
    await destination.deleteParts('a/journal', signal);
    await destination.deleteParts('a/journal', signal);
    expect(await readdir(path.join(folder, 'a'))).toEqual(['session.json.part']);
  });

  test('a .part that a crash left behind is in nobody’s way', async () => {
    await writeFile(path.join(folder, 'logs.tar.part'), bytesOf(1000, 7));
    await openDirectoryStore(folder).store('logs.tar', inChunks(bytesOf(10), 10), calm);
    expect(await readFile(path.join(folder, 'logs.tar'))).toEqual(bytesOf(10));
    expect(await filesBelow(folder)).toEqual(['logs.tar']);
  });

  test('a .part that another writer has taken over is not published, nor taken away', async () => {
    const part = path.join(folder, 'logs.tar.part');
    async function* interrupted() {
      yield bytesOf(10);
      await rm(part);
      await writeFile(part, 'another’s');
    }
    await expect(openDirectoryStore(folder).store('logs.tar', interrupted(), calm)).rejects.toThrow(
      'another writer',
    );
    expect(await filesBelow(folder)).toEqual(['logs.tar.part']);
    expect(await readFile(part, 'utf8')).toBe('another’s');
  });

  test('of two writers of one key, one is told, and the archive is whole', async () => {
    const [one, other] = [openDirectoryStore(folder), openDirectoryStore(folder)];
    const archives = [bytesOf(1_000_000, 1), bytesOf(1_000_000, 2)];
    const results = await Promise.allSettled(
      [one, other].map((destination, i) =>
        destination.store('logs.tar', inChunks(archives[i] ?? bytesOf(0), 100_000), calm),
      ),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    expect((await readFile(path.join(folder, 'logs.tar'))).equals(archives[winner] ?? bytesOf(0))).toBe(true);
    expect(await filesBelow(folder)).toEqual(['logs.tar']);
  });

  test('where there are no hard links, a file that is there is not overwritten either', async () => {
    const [part, file] = [path.join(folder, 'x.part'), path.join(folder, 'x')];
    await writeFile(part, 'new');
    await claimAndRename(part, file);
    expect(await readFile(file, 'utf8')).toBe('new');
    await writeFile(part, 'newer');
    await expect(claimAndRename(part, file)).rejects.toThrow(FileExistsError);
    expect(await readFile(file, 'utf8')).toBe('new');
  });

  test('what a killed writer left of a file is deleted with it, and its folder goes', async () => {
    await openDirectoryStore(folder).put('journal/1', Buffer.from('whole'), calm);
    for (const name of ['1.part', '2.part']) await writeFile(path.join(folder, 'journal', name), 'half');
    await openDirectoryStore(folder).delete(['journal/1', 'journal/2'], signal);
    expect(await readdir(folder)).toEqual([]);
  });

  test('a check that is ended early takes its file away again', async () => {
    const stop = new AbortController();
    const checking = openDirectoryStore(folder).check(stop.signal);
    stop.abort();
    await checking;
    expect(await readdir(folder)).toEqual([]);
  });

  test('a file in the place of the folder is refused with a remedy, by the check and by saving', async () => {
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    const destination = openDirectoryStore(path.join(file, 'below'));
    expect(await destination.check(signal)).toMatchObject({
      state: 'denied',
      remedy: expect.stringContaining('file is in the way'),
    });
    const storing = destination.store('x', inChunks(bytesOf(1), 1), calm);
    await expect(storing).rejects.toThrow(PermanentError);
  });

  test.skipIf(!canMount())('a full disk is refused with a remedy, and left as it was', () => {
    const program = path.join(PROGRAMS, 'destination-on-full-disk.mjs');
    const printed = execFileSync('unshare', ['-rm', process.execPath, program, folder], { encoding: 'utf8' });
    expect(JSON.parse(printed)).toEqual({
      name: 'PermanentError',
      message: expect.stringMatching(/^could not save logs\.tar to file:.*ENOSPC/),
      remedy: expect.stringContaining('Free some space'),
      left: [],
    });
  });

  test('a folder that nobody may write to is refused', async () => {
    expect(await openDirectoryStore('/sys/kernel').check(signal)).toMatchObject({ state: 'denied' });
  });

  test('a folder emptied by deleting goes, but never the destination itself', async () => {
    const destination = openDirectoryStore(folder);
    await destination.put('a/b/c', bytesOf(1), { signal });
    await destination.put('a/d', bytesOf(1), { signal });
    await destination.delete(['a/b/c'], signal);
    expect(await readdir(path.join(folder, 'a'))).toEqual(['d']);
    await destination.delete(['a/d'], signal);
    expect(await readdir(folder)).toEqual([]);
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  test('links are not listed, so that a listing cannot lead out of the folder', async () => {
    await symlink('/etc', path.join(folder, 'etc'));
    const keys: string[] = [];
    for await (const { key } of openDirectoryStore(folder).list('', signal)) keys.push(key);
    expect(keys).toEqual([]);
  });
});

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}
