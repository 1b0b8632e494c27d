/** Turns the blocks of a tar into the bytes of an archive. */
export interface BlockCodec {
  /** The size of the blocks that it takes; the last one may be smaller. */
  readonly blockBytes: number;
  /** The pieces that each block becomes are valid until the next ones are asked for. */
  encode(blocks: AsyncIterable<Buffer>, options: CodecOptions): AsyncGenerator<readonly Buffer[]>;
}

export interface CodecOptions {
  /** The compression level: 1 to 9 for gzip, 1 to 22 for zstd. */
  readonly level: number;
  /** How many blocks are compressed at the same time. */
  readonly threads: number;
  /** Receives the blocks that are used up, to be filled again. */
  readonly freeBuffers: Buffer[];
  /** Called before the first piece of each block is given. */
  readonly onBlock: () => void;
}
