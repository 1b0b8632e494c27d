import type { Busy } from './busy.ts';
import type { Level } from './level.ts';

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
