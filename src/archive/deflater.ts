/** Deflates (RFC 1951) the blocks of a gzip member, several at a time, and knows their CRC-32. */
export interface Deflater {
  /**
   * @param level 1 to 9
   * @throws {Error} when what it made of the block is not the block
   */
  deflate(block: Buffer, level: number): Promise<Deflated>;
  /** Of a block that is stored as it is. */
  crc32(block: Buffer): Promise<number>;
  /** Hands back an output that is not needed any more. */
  release(output: Buffer): void;
}

export interface Deflated {
  /** Of the block. */
  readonly crc: number;
  /** Ended on a byte boundary by a sync flush; undefined: it would not be smaller. */
  readonly output: Buffer | undefined;
}
