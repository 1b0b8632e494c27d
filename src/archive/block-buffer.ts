/** Fills block after block, all of one size. */
export interface Filler {
  /** Copies the first `count` bytes in, no more than a block has. Gives the block that became full. */
  put(bytes: Buffer, count?: number): Buffer | undefined;
  /** Where the next bytes belong, `wanted` of them at most. */
  room(wanted: number): Buffer;
  /** So many bytes of the room are filled. Gives the block when it is full. */
  advance(bytes: number): Buffer | undefined;
  /** What is filled of the block begun last. */
  last(): Buffer;
}

/** @param spare Blocks to fill again: whoever has used one up puts it there. */
export function fillBlocks(blockBytes: number, spare: Buffer[]): Filler {
  const next = () => spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  let block = next();
  let used = 0;
  const advance = (bytes: number) => {
    used += bytes;
    if (used < blockBytes) return undefined;
    const full = block;
    block = next();
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
    room: wanted => block.subarray(used, used + wanted),
    advance,
    last: () => block.subarray(0, used),
  };
}
