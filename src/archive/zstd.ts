import { constants, createZstdCompress } from 'node:zlib';
import { mapConcurrently } from '../runtime/concurrency.ts';
import type { BlockCodec } from './codec.ts';

/** Zstandard (RFC 8878) in frames compressed in parallel, each with its size and checksum: readers join frames. */
export const zstd: BlockCodec = {
  blockBytes: 2 << 20,
  startLevel: 1,
  async *encode(blocks, { level, threads, spare, compressing }) {
    const idle: Compressor[] = [];
    const compress = async (block: Buffer) => {
      const wanted = level.take();
      const compressor = takeIdle(idle, wanted) ?? openCompressor(wanted);
      const frame = await compressing.during(compressor.frameOf(block));
      idle.push(compressor);
      return { block, frame };
    };
    try {
      for await (const { block, frame } of mapConcurrently(blocks, threads + 1, compress)) {
        yield frame;
        spare.push(block);
      }
    } finally {
      for (const compressor of idle) compressor.close();
    }
  },
};

interface Compressor {
  readonly level: number;
  /** Compresses one block at a time. */
  frameOf(block: Buffer): Promise<Buffer>;
  close(): void;
}

function takeIdle(idle: Compressor[], level: number): Compressor | undefined {
  const compressor = idle.pop();
  if (compressor === undefined || compressor.level === level) return compressor;
  compressor.close();
  return undefined;
}

/** Makes frame after frame with the same tables, which cost a quarter of the time to set up for each anew. */
function openCompressor(level: number): Compressor {
  const stream = createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
    // What is written at once is a frame.
    flush: constants.ZSTD_e_end,
    chunkSize: OUTPUT_BYTES,
  });
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  return {
    level,
    frameOf: async block => {
      const { promise: written, resolve, reject } = Promise.withResolvers<void>();
      // A write that fails under way, for want of memory, is not called back.
      stream.once('error', reject);
      stream.write(block, error => (error ? reject(error) : resolve()));
      await written;
      stream.off('error', reject);
      return joined(pieces.splice(0));
    },
    close: () => stream.destroy(),
  };
}

/** A frame that is sure to have room is compressed in one go, not by way of buffers of zstd's own. */
const OUTPUT_BYTES = 3 << 20;

function joined(pieces: readonly Buffer[]): Buffer {
  const [first, ...more] = pieces;
  if (first === undefined) throw new Error('a block was compressed to nothing');
  return more.length === 0 ? first : Buffer.concat(pieces);
}
