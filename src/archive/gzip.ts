import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { GZIP_HEADER, GZIP_LAST_BLOCK, gzipTrailer, storedBlocks } from '../files/gzip-member.ts';
import { mapConcurrently } from '../runtime/concurrency.ts';
import type { BlockCodec } from './codec.ts';
import { isCompressible } from './compressible.ts';
import { guessOutput } from './output.ts';

/**
 * One gzip member that every reader takes: blocks deflated in parallel on libuv's pool, each with the 32 KiB before it
 * as its dictionary and ended at a byte's border by a sync flush, as pigz does. Blocks that would not get smaller are
 * stored.
 */
export const gzip: BlockCodec = {
  blockBytes: 2 << 20,
  startLevel: 3,
  async *encode(blocks, { level, threads, spare, compressing }) {
    let [crc, bytes] = [0, 0];
    let before = Buffer.alloc(0);
    const output = guessOutput();
    const compress = async (block: Buffer) => {
      crc = crc32(block, crc);
      bytes += block.length;
      const dictionary = before;
      before = Buffer.from(block.subarray(-DICTIONARY_BYTES));
      if (!isCompressible(block)) {
        level.skip();
        return { block, pieces: storedBlocks(block) };
      }
      const options = {
        level: level.take(),
        ...(dictionary.length > 0 && { dictionary }),
        finishFlush: constants.Z_SYNC_FLUSH,
        chunkSize: output.guess(block),
      };
      const deflated = await compressing.during(deflate(block, options));
      output.learn(block, deflated);
      return { block, pieces: [deflated] };
    };
    yield GZIP_HEADER;
    for await (const { block, pieces } of mapConcurrently(blocks, threads + 2, compress)) {
      yield* pieces;
      spare.push(block);
    }
    yield GZIP_LAST_BLOCK;
    yield gzipTrailer(crc, bytes);
  },
};

const DICTIONARY_BYTES = 32_768;
const deflate = promisify(deflateRaw);
