import { crc32 } from 'node:zlib';
import { type Span, spanAt } from '../../files/holes.ts';
import type { Yielder } from '../../runtime/concurrency.ts';
import { BLOCK_BYTES, type BlockReading, takeBlock } from './blocks.ts';
import { extend, extendByHole, type Generation, SLICE_BYTES } from './generation.ts';
import type { OpenFile } from './open-file.ts';

/** Bytes of a file without a gap. */
export interface Part {
  readonly offset: number;
  readonly length: number;
  /** In the arena. */
  readonly body: Buffer;
  readonly crc: number;
  /** What of these bytes is not in the body. */
  readonly holes: readonly Span[];
}

/** One buffer for all the bytes of a segment, used again for the next one. */
export interface Arena {
  readonly bytes: Buffer;
  used: number;
}

export interface Limits {
  /** At most so many bytes. */
  readonly maxBytes: number;
  /** What each part but the first one takes of these besides its bytes. */
  readonly overheadBytes: number;
  /** Where they are read to. */
  readonly arena: Arena;
  readonly pace: Yielder;
}

interface PartReading extends Limits {
  readonly open: OpenFile;
}

/** In one part: its record has each. */
const MAX_HOLES = 1000;

/** A generation's next bytes, whatever they are; holes are not read, and do not count. */
export async function readPart(
  { open, maxBytes, arena, pace }: PartReading,
  generation: Generation,
  size: number,
): Promise<Part> {
  const offset = generation.end;
  const from = arena.used;
  const holes: Span[] = [];
  let crc = 0;
  for (let left = maxBytes; generation.end < size && left > 0; left = from + maxBytes - arena.used) {
    await pace();
    const span = spanAt(open.holes, generation.end, size);
    if (span.isHole) {
      if (holes.length >= MAX_HOLES) break;
      holes.push({ offset: generation.end, length: span.length });
      extendByHole(generation, span.length);
      continue;
    }
    const wanted = Math.min(SLICE_BYTES, span.length, left);
    const slice = open.readInto(arena.bytes.subarray(arena.used, arena.used + wanted), generation.end);
    if (slice.length === 0) break;
    arena.used += slice.length;
    extend(generation, slice);
    crc = crc32(slice, crc);
  }
  const body = arena.bytes.subarray(from, arena.used);
  return { offset, length: generation.end - offset, body, crc, holes };
}

/**
 * Reads on in a content, and takes the blocks that its base does not have: adjacent ones are one part. What is read of
 * it is read once, so that hashes, checksums and what is sent are of the same bytes, whoever writes to the file.
 */
export async function readBlocks(
  reading: PartReading,
  generation: Generation,
  blocks: BlockReading,
  size: number,
): Promise<Part[]> {
  const { open, arena, pace } = reading;
  const runs: Run[] = [];
  let left = reading.maxBytes;
  const send = (block: Buffer, offset: number): boolean => {
    const last = runs.at(-1);
    const isNext = last !== undefined && last.offset + last.length === offset;
    const cost = block.length + (isNext || last === undefined ? 0 : reading.overheadBytes);
    if (cost > left) return false;
    left -= cost;
    const run = isNext ? last : { offset, from: arena.used, length: 0 };
    if (!isNext) runs.push(run);
    arena.used += block.copy(arena.bytes, arena.used);
    run.length += block.length;
    blocks.sentBytes += block.length;
    return true;
  };
  while (generation.end < size) {
    await pace();
    const slice = open.read(generation.end, Math.min(SLICE_BYTES, size - generation.end));
    let taken = 0;
    while (taken < slice.length) {
      const offset = generation.end + taken;
      const block = slice.subarray(taken, taken + BLOCK_BYTES);
      // The file was cut: what is left of a block is none.
      if (block.length < BLOCK_BYTES && offset + block.length < size) break;
      if (!takeBlock(blocks, offset, block) && !send(block, offset)) break;
      taken += block.length;
    }
    extend(generation, slice.subarray(0, taken));
    if (taken === 0 || taken < slice.length) break;
  }
  // Its last piece says that it is complete, even where its last blocks are those of its base.
  if (runs.length === 0 && generation.end === size) runs.push({ offset: size, from: arena.used, length: 0 });
  return runs.map(({ offset, from, length }) => {
    const body = arena.bytes.subarray(from, from + length);
    return { offset, length, body, crc: crc32(body), holes: [] };
  });
}

interface Run {
  readonly offset: number;
  /** Where its bytes are in the arena. */
  readonly from: number;
  length: number;
}
