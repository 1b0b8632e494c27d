import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import type { BlockCodec } from './codec.ts';
import { guessOutput } from './output.ts';
import { inParallel } from './parallel.ts';

/** Zstandard (RFC 8878) in frames compressed in parallel, each with its size and checksum: readers join frames. */
export const zstd: BlockCodec = {
  blockBytes: 1 << 20,
  startLevel: 1,
  async *encode(blocks, { level, threads, spare }) {
    const output = guessOutput();
    const compress = async (block: Buffer) => {
      const frame = await zstandard(block, {
        params: {
          [constants.ZSTD_c_compressionLevel]: level.take(),
          [constants.ZSTD_c_checksumFlag]: 1,
        },
        pledgedSrcSize: block.length,
        chunkSize: output.guess(block),
      });
      output.learn(block, frame);
      return { block, frame };
    };
    for await (const { block, frame } of inParallel(blocks, threads + 1, compress)) {
      yield frame;
      spare.push(block);
    }
  },
};

const zstandard = promisify(zstdCompress);
