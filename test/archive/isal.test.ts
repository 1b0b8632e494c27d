import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ArchiverError } from '../../src/archive/archiver.ts';
import { findIsal, isalDeflater } from '../../src/archive/isal-deflater.ts';
import { pack } from '../../src/archive/pack.ts';
import { archivers, commandLine } from '../support/archivers.ts';
import { eventually } from '../support/eventually.ts';
import { fuzzDeflater } from './isal-blocks.ts';
import { packed, packOptions } from './packing.ts';
import { fillWithNoiseAndText, temporaryFolder } from './trees.ts';

/** Undefined: it is not built here, and `make test` does without it. */
const isal = findIsal();

test('ISA-L is there where all tests are run: sh scripts/install-isal.sh', { tags: ['slow'] }, () => {
  expect(isal).toBeDefined();
});

test('an addon that cannot be loaded is an error of the archiver, and says why', async () => {
  using folder = temporaryFolder();
  const broken = join(folder.path, 'deflate.node');
  writeFileSync(broken, 'no addon');
  await expect(packed(folder.path, { isal: broken })).rejects.toThrow(ArchiverError);
  await expect(packed(folder.path, { isal: broken })).rejects.toThrow(/deflate\.node: file too short/);
});

test('a process that cannot be started is an error of the archiver, and says why', async () => {
  using folder = temporaryFolder();
  const { execPath } = process;
  onTestFinished(() => {
    process.execPath = execPath;
  });
  process.execPath = join(folder.path, 'no-node');
  await expect(packed(folder.path, { isal: 'unused' })).rejects.toThrow(
    /the archiver could not be started: .*no-node ENOENT/,
  );
});

test('nowhere to hand chunks over is an error of the archiver, and says why', async () => {
  using folder = temporaryFolder();
  const reading = packed(folder.path, { isal: 'unused', chunkBytes: 2 ** 50 });
  const cause = expect.objectContaining({ message: expect.stringContaining('/dev/shm is full') });
  await expect(reading).rejects.toMatchObject({ name: 'ArchiverError', cause });
});

describe.skipIf(isal === undefined)('ISA-L', () => {
  test('makes blocks that zlib inflates, of every size and kind of content', {
    tags: ['slow'],
  }, async () => {
    const deflater = isalDeflater(isal ?? '');
    expect(await fuzzDeflater(deflater, 1, 100)).toBeGreaterThan(20_000_000);
  });

  test('an archive has what zlib’s has, file by file', async () => {
    using folder = temporaryFolder();
    fillWithNoiseAndText(folder.path);
    const files = new Map<string, number>();
    const onFile = (path: Buffer, bytes: number) => files.set(path.toString(), bytes);
    const [ours, zlibs] = await Promise.all([
      packed(folder.path, { isal, onFile }),
      packed(folder.path, { level: 1 }),
    ]);
    expect(gunzipSync(ours.archive).equals(gunzipSync(zlibs.archive))).toBe(true);
    expect(ours.archive.equals(zlibs.archive)).toBe(false);
    const { sha256, bytesOut, ...summary } = ours.summary;
    expect(zlibs.summary).toMatchObject(summary);
    expect(bytesOut).toBe(ours.archive.length);
    expect(files).toEqual(
      new Map([
        ['agent.log', 6_000_000],
        ['region/r.0.0.mca', 5_000_000],
      ]),
    );
    expect(archivers()).toEqual([]);
  });

  test('a process that is killed in the middle is an error of the archiver', async () => {
    using folder = temporaryFolder();
    fillWithNoiseAndText(folder.path);
    const { chunks, summary } = pack(packOptions(folder.path, { isal, chunkBytes: 1000 }));
    const reading = (async () => {
      for await (const _ of chunks) for (const pid of archivers()) process.kill(pid, 'SIGKILL');
    })();
    await expect(reading).rejects.toThrow('the archiver was ended by SIGKILL');
    expect(summary).toThrow('not been read to its end');
  });

  test('one that has done nothing for too long is killed', { tags: ['slow'] }, async () => {
    using folder = temporaryFolder();
    fillWithNoiseAndText(folder.path);
    const { chunks } = pack(packOptions(folder.path, { isal, chunkBytes: 1000 }));
    const reading = (async () => {
      for await (const _ of chunks) for (const pid of archivers()) process.kill(pid, 'SIGSTOP');
    })();
    await expect(reading).rejects.toThrow('the archiver has done nothing for 20 s');
    expect(archivers()).toEqual([]);
  });

  test.each(['an abort', 'an early end'])('%s leaves no process', async how => {
    using folder = temporaryFolder();
    fillWithNoiseAndText(folder.path);
    const abort = new AbortController();
    const options = packOptions(folder.path, { isal, chunkBytes: 1000, signal: abort.signal });
    const reading = (async () => {
      for await (const _ of pack(options).chunks) {
        if (!abort.signal.aborted) expect(archivers()).toHaveLength(1);
        if (how === 'an early end') return;
        abort.abort(new Error('the deadline'));
      }
    })();
    if (how === 'an abort') await expect(reading).rejects.toThrow('the deadline');
    else await reading;
    await eventually(() => archivers().length === 0);
  });

  test('it is gone when whoever started it is killed', async () => {
    using folder = temporaryFolder();
    fillWithNoiseAndText(folder.path);
    const reader = spawn(process.execPath, ['--input-type=module', '--eval', READER], {
      env: { ...process.env, PACK, FOLDER: folder.path, ISAL: isal },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void reader.kill('SIGKILL'));
    await once(reader.stdout, 'data');
    const started = archivers(reader.pid);
    expect(started).toHaveLength(1);
    reader.kill('SIGKILL');
    await eventually(() => started.every(pid => commandLine(pid) === ''));
  });
});

const PACK = resolve(import.meta.dirname, '../../src/archive/pack.ts');
/** Reads a chunk of an archive, says so, and never reads another one. */
const READER = `
  const { pack } = await import(process.env.PACK);
  const { FOLDER: root, ISAL: isal } = process.env;
  const selection = { root, include: [], exclude: [], excludedPaths: [] };
  const { signal } = new AbortController();
  const options = { selection, codec: 'gzip', level: 1, threads: 2, chunkBytes: 1000, signal, isal };
  for await (const _ of pack(options).chunks) {
    console.log('reading');
    await new Promise(() => setInterval(() => undefined, 60_000));
  }
`;
