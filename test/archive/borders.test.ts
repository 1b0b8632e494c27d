import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { blockCodec } from '../../src/archive/codecs.ts';
import { zlibDeflater } from '../../src/archive/zlib-deflater.ts';
import { packed } from './packing.ts';
import { temporaryFolder } from './trees.ts';

const READ = { none: (archive: Buffer) => archive, gzip: gunzipSync, zstd: zstdDecompressSync };

/** With a header before it and the end after it, content of such a size ends at a border of the codec's blocks. */
const sizesAround = (blockBytes: number) =>
  [0, 512, 1024, 1536].flatMap(less => [-1, 0, 1].map(more => blockBytes - 512 - less + more));

describe.each(['none', 'gzip', 'zstd'] as const)('%s', codec => {
  const sizes = sizesAround(blockCodec(codec, zlibDeflater()).blockBytes);
  test.each([0, 1, 511, 512, 513, ...sizes])('keeps a file of %i bytes', async bytes => {
    using folder = temporaryFolder();
    const content = Buffer.alloc(bytes, 'abcdefghijklmnopqrstuvwxyz\n');
    writeFileSync(join(folder.path, 'file'), content);
    const { archive, summary } = await packed(folder.path, { codec });
    const tar = READ[codec](archive);
    expect(tar.subarray(512, 512 + bytes).equals(content)).toBe(true);
    expect(tar.subarray(512 + bytes).equals(Buffer.alloc(tar.length - 512 - bytes))).toBe(true);
    expect(tar.length).toBe(512 + Math.ceil(bytes / 512) * 512 + 1024);
    expect(summary.bytesOut).toBe(archive.length);
  });

  test('an archive that ends at the end of a chunk has no empty chunk after it', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'file'), Buffer.alloc(100_000, 'x'));
    const { archive } = await packed(folder.path, { codec });
    const { chunks } = await packed(folder.path, { codec, chunkBytes: archive.length });
    expect(chunks.map(chunk => chunk.length)).toEqual([archive.length]);
  });

  test('an empty folder is an archive too', async () => {
    using folder = temporaryFolder();
    const { archive } = await packed(folder.path, { codec });
    expect(READ[codec](archive).equals(Buffer.alloc(1024))).toBe(true);
  });
});
