import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { prefetchOne } from '../../src/archive/chunks.ts';
import { pack } from '../../src/archive/pack.ts';
import { survey } from '../../src/archive/walk.ts';
import { PROGRAMS } from '../support/built.ts';
import { eventually } from '../support/eventually.ts';
import { packOptions } from './packing.ts';
import { temporaryFolder } from './trees.ts';

/** Descriptors of this process that are open below a folder. */
function openBelow(folder: string): string[] {
  const paths = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch (cause) {
      // It was the one that listed the others.
      return String(cause);
    }
  });
  return paths.filter(path => path.startsWith(folder));
}

function fill(folder: string): void {
  mkdirSync(join(folder, 'below'));
  for (let i = 0; i < 100; i++)
    writeFileSync(join(folder, 'below', `${i}`), Buffer.alloc(100_000, String(i)));
}

test.each(['none', 'gzip', 'zstd'] as const)(
  'an abort rejects with its reason and closes every file: %s',
  async codec => {
    using folder = temporaryFolder();
    fill(folder.path);
    const abort = new AbortController();
    const { chunks, summary } = pack(
      packOptions(folder.path, { codec, chunkBytes: 1000, signal: abort.signal }),
    );
    const reading = (async () => {
      for await (const chunk of chunks) if (chunk.length > 0) abort.abort(new Error('the deadline'));
    })();
    await expect(reading).rejects.toThrow('the deadline');
    await eventually(() => openBelow(folder.path).length === 0);
    expect(summary).toThrow('not been read to its end');
  },
);

test('a signal that was aborted before rejects at once', async () => {
  using folder = temporaryFolder();
  fill(folder.path);
  const signal = AbortSignal.abort(new Error('too late'));
  await expect(
    pack(packOptions(folder.path, { signal })).chunks[Symbol.asyncIterator]().next(),
  ).rejects.toThrow('too late');
  await expect(survey(packOptions(folder.path).selection, signal)).rejects.toThrow('too late');
  await eventually(() => openBelow(folder.path).length === 0);
});

test('an abort rejects at once even while a read hangs', async () => {
  const abort = new AbortController();
  async function* hangs(): AsyncGenerator<Buffer, void> {
    yield Buffer.from('first');
    await new Promise(() => undefined);
  }
  const chunks = prefetchOne(hangs(), abort.signal);
  expect((await chunks.next()).value?.toString()).toBe('first');
  const second = chunks.next();
  abort.abort(new Error('the deadline'));
  await expect(second).rejects.toThrow('the deadline');
});

test('for want of memory it rejects', async () => {
  using folder = temporaryFolder();
  fill(folder.path);
  const program = join(PROGRAMS, 'packs-without-memory.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [program, folder.path]);
  expect(stdout).toBe('rejected: ZSTD_error_memory_allocation\n');
});

test.each(['none', 'gzip'] as const)(
  'a reader that stops early leaves no file open: %s',
  { tags: ['slow'] },
  async codec => {
    using folder = temporaryFolder();
    fill(folder.path);
    for (let stop = 1; stop < 30; stop++) {
      let read = 0;
      for await (const chunk of pack(packOptions(folder.path, { codec, chunkBytes: 1000 * stop })).chunks) {
        if (chunk.length < 1000 * stop || ++read === 3 * stop) break;
      }
    }
    await eventually(() => openBelow(folder.path).length === 0);
  },
);

test('chunks have the size that was asked for, all but the last, and may be kept', async () => {
  using folder = temporaryFolder();
  fill(folder.path);
  const { chunks, progress, summary } = pack(
    packOptions(folder.path, { codec: 'none', chunkBytes: 777_777 }),
  );
  const kept: Buffer[] = [];
  for await (const chunk of chunks) kept.push(chunk);
  expect(new Set(kept.slice(0, -1).map(chunk => chunk.length))).toEqual(new Set([777_777]));
  const bytes = kept.reduce((sum, chunk) => sum + chunk.length, 0);
  expect(summary()).toMatchObject({ files: 100, directories: 1, bytesIn: 10_000_000, bytesOut: bytes });
  expect(progress()).toEqual({ files: 100, bytesRead: 10_000_000, bytesOut: bytes });
  const again: Buffer[] = [];
  for await (const chunk of pack(packOptions(folder.path, { codec: 'none' })).chunks) again.push(chunk);
  expect(Buffer.concat(again).equals(Buffer.concat(kept))).toBe(true);
});

test.each(['none', 'gzip', 'zstd'] as const)('chunks that are released are filled again: %s', async codec => {
  using folder = temporaryFolder();
  fill(folder.path);
  const options = packOptions(folder.path, { codec, level: 1, chunkBytes: 500 });
  const { summary, ...kept } = pack(options);
  for await (const _ of kept.chunks);
  const packing = pack(options);
  const memories = new Set<ArrayBufferLike>();
  const digest = createHash('sha256');
  for await (const chunk of packing.chunks) {
    memories.add(chunk.buffer);
    digest.update(chunk);
    packing.releaseChunk(chunk);
  }
  expect(digest.digest('hex')).toBe(summary().sha256);
  expect(packing.summary().bytesOut).toBeGreaterThan(5 * 500);
  expect(memories.size).toBeLessThanOrEqual(3);
});
