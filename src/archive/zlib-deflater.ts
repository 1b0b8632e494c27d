import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import type { Deflater } from './deflater.ts';

const deflate = promisify(deflateRaw);

/**
 * Of a block's output to its input, before one is known; then the last block's tells how much room the next one needs.
 * Too little costs another call, too much is garbage, which V8 counts against its heap and collects sooner.
 */
const FIRST_RATIO = 0.3;

/** Node's own zlib, on libuv's pool. */
export function zlibDeflater(): Deflater {
  let ratio = FIRST_RATIO;
  return {
    async deflate(block, level) {
      const options = {
        level,
        finishFlush: constants.Z_SYNC_FLUSH,
        chunkSize: Math.ceil(block.length * Math.min(1, ratio * 1.1)) + 1_024,
      };
      const crc = crc32(block);
      const output = await deflate(block, options);
      ratio = output.length / block.length;
      return { crc, output: output.length < block.length ? output : undefined };
    },
    crc32: async block => crc32(block),
    release: () => undefined,
  };
}
