/** Fills block after block, all of one size. */
export interface BlockBuffer {
  /** Copies the first `count` bytes in, no more than a block holds. @returns the block that became full */
  put(bytes: Buffer, count?: number): Buffer | undefined;
  /** Where the next bytes belong, at most `wanted` of them: for reading straight into the block. */
  free(wanted: number): Buffer;
  /** So many of the free bytes have been filled. @returns the block that became full */
  advance(bytes: number): Buffer | undefined;
  /** How many bytes have been filled, in all blocks. */
  position(): number;
  /** The filled part of the last block. */
  last(): Buffer;
}

/** @param freeBuffers Blocks to fill again: whoever has used one up pushes it. */
export function createBlockBuffer(blockBytes: number, freeBuffers: Buffer[]): BlockBuffer {
  const nextBlock = () => freeBuffers.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  let block = nextBlock();
  let used = 0;
  let before = 0;
  const advance = (bytes: number) => {
    used += bytes;
    if (used < blockBytes) return undefined;
    const full = block;
    before += blockBytes;
    block = nextBlock();
    used = 0;
    return full;
  };
  return {
    put: (bytes, count = bytes.length) => {
      const copied = bytes.copy(block, used, 0, count);
      const full = advance(copied);
      used += bytes.copy(block, used, copied, count);
      return full;
    },
    free: wanted => block.subarray(used, used + wanted),
    advance,
    position: () => before + used,
    last: () => block.subarray(0, used),
  };
}
