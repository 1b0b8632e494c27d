import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { type ArchiveSums, SumsThreadError, startSumsThread } from '../../src/archive/archive-sums.ts';
import { pack } from '../../src/archive/pack.ts';
import { sumsThread } from '../../src/archive/sums-thread.ts';
import { eventually } from '../support/eventually.ts';
import { threadsNamed } from '../support/threads.ts';
import { packed, packOptions } from './packing.ts';
import { growTree, temporaryFolder } from './trees.ts';

function start(...options: Parameters<typeof startSumsThread>): ArchiveSums {
  const sums = startSumsThread(...options);
  onTestFinished(() => sums[Symbol.dispose]());
  return sums;
}

function chunkOf(text: string): Buffer {
  const chunk = Buffer.from(new SharedArrayBuffer(text.length));
  chunk.write(text);
  return chunk;
}

test('sums of a chunk, and of all that were added, are those of their bytes', async () => {
  const sums = start();
  const [first, second] = [chunkOf('one '), chunkOf('two')];
  await Promise.all([sums.add(first), sums.add(second)]);
  expect(await sums.crc32(first)).toBe(crc32('one '));
  expect(await sums.sha256(second)).toBe(hash('sha256', 'two'));
  expect(await sums.whole()).toBe(hash('sha256', 'one two'));
});

// zstd's own output is not always the same.
test.each(['none', 'gzip'] as const)(
  'an archive that is summed by a thread is the same, with the same digest and index: %s',
  async codec => {
    using folder = temporaryFolder();
    growTree(folder.path, 7);
    const choices = { codec, chunkBytes: 300_000 };
    const [here, aside] = [
      await packed(folder.path, choices),
      await packed(folder.path, { ...choices, sums: start() }),
    ];
    expect(here.chunks.length).toBeGreaterThan(3);
    expect(aside.archive.equals(here.archive)).toBe(true);
    expect(aside.summary).toEqual(here.summary);
    expect(aside.index.equals(here.index)).toBe(true);
  },
);

test('a chunk that is released at once is filled again only when it has been added', async () => {
  using folder = temporaryFolder();
  growTree(folder.path, 8);
  const options = packOptions(folder.path, { codec: 'none', chunkBytes: 65_536 });
  const { archive } = await packed(folder.path, options);
  const packing = pack({ ...options, sums: start() });
  const memories = new Set<ArrayBufferLike>();
  for await (const chunk of packing.chunks) {
    memories.add(chunk.buffer);
    packing.releaseChunk(chunk);
  }
  expect(packing.summary().sha256).toBe(hash('sha256', archive));
  expect(archive.length).toBeGreaterThan(20 * 65_536);
  expect(memories.size).toBeLessThanOrEqual(6);
});

const FAULTS = [
  { name: 'throws', code: 'throw new Error("broken")', why: 'failed', cause: 'broken' },
  { name: 'ends', code: 'process.exit(3)', why: 'ended with code 3', cause: undefined },
  {
    name: 'hangs',
    code: 'for (;;);',
    silentMs: 300,
    why: 'has answered nothing for 0.3 s',
    cause: undefined,
  },
  {
    name: 'says nothing',
    code: 'setInterval(() => 0, 9)',
    silentMs: 300,
    why: 'has answered nothing',
    cause: undefined,
  },
  {
    name: 'ends after a few chunks',
    code: `(${sumsThread.toString()})();
      let orders = 0;
      require('node:worker_threads').parentPort.on('message', () => ++orders === 3 && process.exit(4));`,
    why: 'ended with code 4',
    cause: undefined,
  },
];

test.each(FAULTS)(
  'where the thread $name, the archive fails for that, and sums of chunks do not',
  async fault => {
    using folder = temporaryFolder();
    growTree(folder.path, 9);
    const sums = start(fault);
    const packing = pack(packOptions(folder.path, { codec: 'none', chunkBytes: 65_536, sums }));
    const made: Promise<unknown>[] = [];
    const wanted: unknown[] = [];
    const reading = (async () => {
      for await (const chunk of packing.chunks) {
        made.push(sums.crc32(chunk), sums.sha256(chunk));
        wanted.push(crc32(chunk), hash('sha256', chunk));
      }
    })();
    const error: unknown = await reading.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(SumsThreadError);
    expect(error).toMatchObject({ message: expect.stringContaining(`the thread of the sums ${fault.why}`) });
    if (fault.cause !== undefined) expect(error).toHaveProperty('cause.message', fault.cause);
    expect(made.length).toBeGreaterThan(0);
    expect(await Promise.all(made)).toEqual(wanted);
    expect(() => packing.summary()).toThrow('has not been read to its end');
    await eventually(() => threadsNamed('sums') === 0);
  },
);

test('a thread that is slow, but goes on, is waited for', { tags: ['slow'] }, async () => {
  // It answers every 400 ms.
  const code = `const { parentPort } = require('node:worker_threads');
    const never = new Int32Array(new SharedArrayBuffer(4));
    parentPort.on('message', () => {
      Atomics.wait(never, 0, 0, 400);
      parentPort.postMessage('');
    });`;
  const sums = start({ code, silentMs: 3_000 });
  const chunk = chunkOf('one');
  for (let round = 0; round < 2; round += 1)
    await Promise.all(Array.from({ length: 9 }, () => sums.add(chunk)));
});

test('a thread that ends after the last chunk has been made fails the archive as well', async () => {
  const sums = start({ code: `(${sumsThread.toString()})()` });
  await sums.add(chunkOf('one'));
  sums[Symbol.dispose]();
  await expect(sums.whole()).rejects.toThrow('the thread of the sums is not needed any more');
});

test('the thread is there while it is needed, even if it is busy, and not afterwards', async () => {
  {
    using _ = startSumsThread({ code: 'for (;;);' });
    await eventually(() => threadsNamed('sums') === 1);
  }
  await eventually(() => threadsNamed('sums') === 0);
});
