import { constants, crc32, inflateRawSync } from 'node:zlib';
import type { Deflater } from '../../src/archive/deflater.ts';
import { createRandom, type Random } from '../support/random.ts';

const MAX_BYTES = 2 << 20;

/**
 * Deflates blocks of random sizes and kinds, and inflates them by zlib.
 * @returns how many bytes were compared
 * @throws {Error} when anything differs
 */
export async function fuzzDeflater(deflater: Deflater, seed: number, blocks: number): Promise<number> {
  const random = createRandom(seed);
  let compared = 0;
  for (let n = 0; n < blocks; n += 1) {
    const block = randomBlock(random);
    const { crc, output } = await deflater.deflate(block, 1);
    const inflated =
      output === undefined
        ? block
        : inflateRawSync(output, {
            finishFlush: constants.Z_SYNC_FLUSH,
          });
    if (!inflated.equals(block) || crc !== crc32(block))
      throw new Error(`seed ${seed}, block ${n} of ${block.length} bytes: another came back`);
    if (output !== undefined) deflater.release(output);
    compared += block.length;
  }
  return compared;
}

/** Text, noise, zeros, or some of each; often of a size near a border. */
function randomBlock(random: Random): Buffer {
  const size = [1, 2, 255, 32_767, 32_768, 65_535, 65_536, MAX_BYTES][random.below(16)];
  const bytes = size ?? 1 + random.below(MAX_BYTES);
  const pieces: Buffer[] = [];
  for (let length = 0; length < bytes; ) {
    const piece = randomPiece(random, 1 + random.below(bytes));
    pieces.push(piece);
    length += piece.length;
  }
  return Buffer.concat(pieces).subarray(0, bytes);
}

function randomPiece(random: Random, bytes: number): Buffer {
  switch (random.below(4)) {
    case 0:
      return random.noise(bytes);
    case 1:
      return Buffer.alloc(bytes);
    case 2:
      return Buffer.alloc(bytes, random.noise(1 + random.below(300)));
    default:
      return Buffer.alloc(bytes, Array.from({ length: 500 }, () => `${random.below(1e6)} ok\n`).join(''));
  }
}
