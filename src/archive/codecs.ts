import type { Codec } from '../config/session-config.ts';
import type { BlockCodec } from './codec.ts';
import { gzip } from './gzip.ts';
import { zstd } from './zstd.ts';

/** The codec that an archive's name asks for. */
export function blockCodec(codec: Codec): BlockCodec {
  switch (codec) {
    case 'none':
      return none;
    case 'gzip':
      return gzip;
    case 'zstd':
      return zstd;
    default:
      return codec satisfies never;
  }
}

const none: BlockCodec = {
  blockBytes: 1 << 19,
  async *encode(blocks, { freeBuffers }) {
    for await (const block of blocks) {
      yield block;
      freeBuffers.push(block);
    }
  },
};
