import type { Codec } from '../config/session-config.ts';
import type { Busy } from './busy.ts';
import { gzip } from './gzip.ts';
import type { Level } from './level.ts';
import { zstd } from './zstd.ts';

/** Turns the blocks of a tar into the bytes of an archive, piece by piece. */
export interface BlockCodec {
  /** The size of the blocks it takes. */
  readonly blockBytes: number;
  /** The level to begin with. */
  readonly startLevel: number;
  encode(blocks: AsyncIterable<Buffer>, options: CodecOptions): AsyncGenerator<Buffer>;
}

export interface CodecOptions {
  readonly level: Level;
  /** How many blocks are compressed at the same time. */
  readonly threads: number;
  /** Where blocks go that are used up, to be filled again. */
  readonly spare: Buffer[];
  /** Counts the time in which blocks are compressed. */
  readonly compressing: Busy;
}

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
  startLevel: 0,
  async *encode(blocks, { spare }) {
    for await (const block of blocks) {
      yield block;
      spare.push(block);
    }
  },
};
