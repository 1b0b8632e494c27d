import type { Codec } from '../config/session-config.ts';
import type { BlockCodec } from './codec.ts';
import type { Deflater } from './deflater.ts';
import { gzip } from './gzip.ts';
import { zstd } from './zstd.ts';

/**
 * The codec that an archive's name asks for.
 * @param deflater what deflates gzip's blocks
 */
export function blockCodec(codec: Codec, deflater: Deflater): BlockCodec {
  switch (codec) {
    case 'none':
      return none;
    case 'gzip':
      return gzip(deflater);
    case 'zstd':
      return zstd;
    default:
      return codec satisfies never;
  }
}

const none: BlockCodec = {
  blockBytes: 1 << 19,
  async *encode(blocks, { freeBuffers, onBlock }) {
    for await (const block of blocks) {
      onBlock();
      yield [block];
      freeBuffers.push(block);
    }
  },
};
