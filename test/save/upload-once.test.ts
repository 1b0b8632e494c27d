import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Codec } from '../../src/config/session-config.ts';
import { repeat } from '../../src/runtime/progress.ts';
import { placeInside } from '../../src/save/archive-place.ts';
import { uploadOnce } from '../../src/save/upload-once.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../archive/trees.ts';
import { PLAIN } from '../store/s3/support.ts';
import { eventually } from '../support/eventually.ts';
import { threadsNamed } from '../support/threads.ts';

const MIB = 1 << 20;

/** Uploads so many MiB into a folder. @returns how many threads of sums there were at the same time */
async function upload(mib: number, codec: Codec, signal: AbortSignal): Promise<number> {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const root = join(folder.path, 'work');
  await mkdir(root);
  await writeFile(join(root, 'world.bin'), Buffer.alloc(mib * MIB, 'world'));
  const open = () => openStore({ kind: 'directory', path: join(folder.path, 'saved') }, { s3: PLAIN });
  const place = placeInside('logs.tar');
  const target = { url: folder.path, open, place: async () => place, inside: false } as const;
  const request = {
    source: { root, include: [], exclude: [], excludedPaths: [] },
    archive: { codec, level: 2, deflate: 'auto' },
    targets: [],
    stallMs: 60_000,
  } as const;
  let most = 0;
  const note = () => {
    most = Math.max(most, threadsNamed('sums'));
  };
  using _ = repeat(1, note);
  const expected = { files: 1, bytes: mib * MIB, archiveBytes: mib * MIB };
  const attempt = { isal: undefined, mayUseThread: true, signal };
  await uploadOnce(
    {
      request,
      target: { ...target, deadline: 'archiveAtDestination' },
      store: await open(),
      place,
      expected,
      ...attempt,
    },
    { start: () => repeat(1_000, () => undefined) },
  );
  return most;
}

test.each([
  { mib: 31, codec: 'none', threads: 0 },
  { mib: 64, codec: 'gzip', threads: 0 },
  { mib: 128, codec: 'none', threads: 1 },
] as const)('$mib MiB by $codec have $threads threads for sums, of which none stays', async stage => {
  const { mib, codec, threads } = stage;
  expect(await upload(mib, codec, new AbortController().signal)).toBe(threads);
  await eventually(() => threadsNamed('sums') === 0);
});

test('an upload that is aborted ends its thread', async () => {
  const abort = new AbortController();
  const uploading = upload(256, 'none', abort.signal);
  uploading.catch(() => undefined);
  await eventually(() => threadsNamed('sums') === 1);
  abort.abort(new Error('time is up'));
  await expect(uploading).rejects.toThrow('time is up');
  await eventually(() => threadsNamed('sums') === 0);
});
