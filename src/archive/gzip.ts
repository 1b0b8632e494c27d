import { crc32Combined } from '../files/crc32.ts';
import { GZIP_HEADER, GZIP_LAST_BLOCK, gzipTrailer, storedBlocks } from '../files/gzip-member.ts';
import { mapConcurrently } from '../runtime/concurrency.ts';
import type { BlockCodec } from './codec.ts';
import type { Deflater } from './deflater.ts';

/**
 * One gzip member (RFC 1952), which every reader takes: blocks deflated in parallel on libuv's pool, each ended on a byte
 * boundary by a sync flush, as pigz does. None refers to what is before it, which costs 0.1 % of the size, so that whoever
 * wants one file reads the blocks that it is in. Blocks that would not get smaller are stored.
 */
export function gzip(deflater: Deflater): BlockCodec {
  return {
    blockBytes: 2 << 20,
    async *encode(blocks, { level, threads, freeBuffers, onBlock }) {
      let [crc, bytes] = [0, 0];
      const compress = async (block: Buffer) => {
        if (!(await isCompressible(block, deflater)))
          return { block, crc: await deflater.crc32(block), output: undefined };
        return { block, ...(await deflater.deflate(block, level)) };
      };
      yield [GZIP_HEADER];
      for await (const done of mapConcurrently(blocks, threads + 2, compress)) {
        const { block, output } = done;
        crc = crc32Combined(crc, done.crc, block.length);
        bytes += block.length;
        onBlock();
        yield output === undefined ? storedBlocks(block) : [output];
        if (output !== undefined) deflater.release(output);
        freeBuffers.push(block);
      }
      yield [GZIP_LAST_BLOCK, gzipTrailer(crc, bytes)];
    },
  };
}

/**
 * Whether a block is worth compressing, told by a sample: 8 KiB from all over it. Only a sample whose byte frequencies
 * look random is tried with deflate, which takes ten times as long.
 */
export async function isCompressible(block: Buffer, deflater: Deflater): Promise<boolean> {
  const step = Math.max(SLICE_BYTES, Math.floor(block.length / SLICES));
  const slices = [];
  for (let at = 0; at < block.length; at += step) slices.push(block.subarray(at, at + SLICE_BYTES));
  const sample = Buffer.concat(slices);
  if (bitsPerByte(sample) < 7.5) return true;
  const { output } = await deflater.deflate(sample, 1);
  if (output === undefined) return false;
  deflater.release(output);
  return output.length < sample.length * 0.97;
}

const SLICES = 8;
const SLICE_BYTES = 1024;

/** The Shannon entropy of single bytes. */
function bitsPerByte(bytes: Buffer): number {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  let bits = 0;
  for (const count of counts) {
    if (count > 0) bits -= (count / bytes.length) * Math.log2(count / bytes.length);
  }
  return bits;
}
