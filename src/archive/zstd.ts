import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import type { BlockCodec } from './codec.ts';
import { inParallel } from './parallel.ts';

/** Zstandard (RFC 8878) in frames compressed in parallel, each with its size and checksum: readers join frames. */
export const zstd: BlockCodec = {
  blockBytes: 1 << 20,
  startLevel: 1,
  async *encode(blocks, { level, threads, spare }) {
    const compress = async (block: Buffer) => ({ block, frame: await compressFrame(block, level.take()) });
    for await (const { block, frame } of inParallel(blocks, threads + 1, compress)) {
      yield frame;
      spare.push(block);
    }
  },
};

const zstandard = promisify(zstdCompress);

function compressFrame(block: Buffer, level: number): Promise<Buffer> {
  return zstandard(block, {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
    pledgedSrcSize: block.length,
    chunkSize: Math.max(1024, block.length >> 1),
  });
}
