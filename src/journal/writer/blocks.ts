import { hash } from 'node:crypto';

/** Of a whole content, for the next one to be compared with it. */
export interface ContentBlocks {
  /** A hash for each of its blocks of 4 KiB, the last one left out if it is shorter. */
  readonly hashes: Buffer;
  /** So many contents before it are needed to make it. */
  readonly depth: number;
}

/** A content while it is read block by block. */
export interface BlockReading {
  /** Blocks that are as they were in this content of the file are not sent; undefined: all are. */
  readonly base: (ContentBlocks & { readonly generation: number }) | undefined;
  /** Its own, as far as it has been read. */
  readonly hashes: Buffer;
  /** Of its blocks that are sent. */
  sentBytes: number;
}

/** By the numbers of their generations, the latest last. */
export type KnownBlocks = Map<number, ContentBlocks>;

/** As the sectors of region files, the pages of databases and those of the system's cache. */
export const BLOCK_BYTES = 4096;

/** A smaller content costs no more than the records of its blocks would; of a larger one there would be many hashes. */
const MIN_BYTES = 64 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;

/** A damaged segment spoils what is made of its blocks: there is soon a content again that needs no other. */
const MAX_DEPTH = 15;

/** Enough for 4 GiB of files: the one whose last content is the oldest is sent as a whole. */
const MAX_HASH_BYTES = 8 * 1024 * 1024;

/** 64 bits: among 10^9 changed blocks there is one, with a chance of 1 to 10^10, that is taken for what it was. */
const HASH_BYTES = 8;

/**
 * How to read a content that takes the place of another; undefined: as a whole, without hashes, which cost 3 us a block.
 * @param before complete in the journal
 */
export function startBlocks(
  known: KnownBlocks,
  size: number,
  before: { readonly number: number } | undefined,
): BlockReading | undefined {
  if (before === undefined || size < MIN_BYTES || size > MAX_BYTES) return undefined;
  const blocks = known.get(before.number);
  const isUsable = blocks !== undefined && blocks.depth < MAX_DEPTH;
  return {
    base: isUsable ? { ...blocks, generation: before.number } : undefined,
    hashes: Buffer.alloc(Math.floor(size / BLOCK_BYTES) * HASH_BYTES),
    sentBytes: 0,
  };
}

/** Takes note of the block at an offset. @returns whether the base has the same one there */
export function takeBlock({ base, hashes }: BlockReading, offset: number, block: Buffer): boolean {
  if (block.length < BLOCK_BYTES) return false;
  const at = (offset / BLOCK_BYTES) * HASH_BYTES;
  hashes.write(hash('sha1', block, 'hex'), at, HASH_BYTES, 'hex');
  if (base === undefined || at + HASH_BYTES > base.hashes.length) return false;
  return base.hashes.compare(hashes, at, at + HASH_BYTES, at, at + HASH_BYTES) === 0;
}

/** A content that has been read to its end may be the base of the next one. */
export function rememberBlocks(
  known: KnownBlocks,
  generation: { readonly number: number; readonly end: number },
  blocks: BlockReading,
): void {
  const needsBase = blocks.base !== undefined && blocks.sentBytes < generation.end;
  const depth = needsBase ? blocks.base.depth + 1 : 0;
  known.set(generation.number, { hashes: blocks.hashes, depth });
  let bytes = [...known.values()].reduce((sum, { hashes }) => sum + hashes.length, 0);
  for (const [number, { hashes }] of known) {
    if (bytes <= MAX_HASH_BYTES) break;
    known.delete(number);
    bytes -= hashes.length;
  }
}
