import { constants, createZstdCompress } from 'node:zlib';
import { mapConcurrently } from '../runtime/concurrency.ts';
import type { BlockCodec } from './codec.ts';

/**
 * Zstandard (RFC 8878): one frame for each block, compressed in parallel, with its size and checksum; readers join
 * frames. zstd's own threads (ZSTD_c_nbWorkers) fail in Node 24: nodejs/node#59899.
 */
export const zstd: BlockCodec = {
  blockBytes: 2 << 20,
  async *encode(blocks, { level, threads, freeBuffers, onBlock }) {
    const idle: Compressor[] = [];
    const compress = async (block: Buffer) => {
      const compressor = idle.pop() ?? openCompressor(level);
      const frame = await compressor.frameOf(block);
      idle.push(compressor);
      return { block, frame };
    };
    try {
      for await (const { block, frame } of mapConcurrently(blocks, threads + 1, compress)) {
        onBlock();
        yield [frame];
        freeBuffers.push(block);
      }
    } finally {
      for (const compressor of idle) compressor.close();
    }
  },
};

interface Compressor {
  /** Compresses one block at a time. */
  frameOf(block: Buffer): Promise<Buffer>;
  close(): void;
}

/** Makes frame after frame with the same tables: to set them up for each frame would take a quarter of the time. */
function openCompressor(level: number): Compressor {
  const stream = createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
    // Each write becomes a frame.
    flush: constants.ZSTD_e_end,
    chunkSize: OUTPUT_BYTES,
  });
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  return {
    frameOf: async block => {
      const { promise: written, resolve, reject } = Promise.withResolvers<void>();
      // Node does not call back for a write that fails for want of memory.
      stream.once('error', reject);
      stream.write(block, error => (error ? reject(error) : resolve()));
      await written;
      stream.off('error', reject);
      return joined(pieces.splice(0));
    },
    close: () => stream.destroy(),
  };
}

/** An output buffer that is sure to hold a frame lets zstd compress in one call, without buffers of its own. */
const OUTPUT_BYTES = 3 << 20;

function joined(pieces: readonly Buffer[]): Buffer {
  const [first, ...more] = pieces;
  if (first === undefined) throw new Error('a block was compressed to nothing');
  return more.length === 0 ? first : Buffer.concat(pieces);
}
